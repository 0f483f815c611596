"""RNN-T loss of logits [B, T, U + 1, V], blank last, with warprnnt's analytic gradient: the baseline of compare.py.

Forward and backward variables go over the lattice one anti-diagonal at a time, all utterances and labels at once.
"""

import torch
import torch.nn.functional as F

NEVER = float("-inf")


def to_diagonals(x):
    """[B, T, U + 1] -> [T + U, B, U + 1]: node (t, u) in row t + u."""
    batch, frames, width = x.shape
    padded = F.pad(x.transpose(1, 2), (0, width), value=NEVER).reshape(batch, -1)
    rows = frames + width - 1
    return padded[:, : width * rows].view(batch, width, rows).permute(2, 0, 1).contiguous()


def from_diagonals(x, frames):
    rows, batch, width = x.shape
    padded = F.pad(x.permute(1, 2, 0).reshape(batch, -1), (0, width))
    return padded.view(batch, width, rows + 1)[:, :, :frames].transpose(1, 2)


class RnntLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, targets, frame_lengths, label_lengths):
        batch, frames, width, classes = logits.shape
        log_probs = logits.log_softmax(-1)
        arcs = F.pad(targets, (0, 1)).view(batch, 1, width, 1).expand(-1, frames, -1, -1)
        in_time = torch.arange(frames).unsqueeze(0) < frame_lengths.unsqueeze(1)
        in_labels = torch.arange(width).unsqueeze(0) < label_lengths.unsqueeze(1)
        blank = log_probs[..., -1].masked_fill(~in_time.unsqueeze(2), NEVER)
        label = log_probs.gather(-1, arcs).squeeze(-1)
        label = label.masked_fill(~(in_time.unsqueeze(2) & in_labels.unsqueeze(1)), NEVER)
        blank, label = to_diagonals(blank), to_diagonals(label)

        rows = frames + width - 1
        alphas = torch.full((rows, batch, width), NEVER)
        alphas[0, :, 0] = 0
        for row in range(1, rows):
            stay = alphas[row - 1] + blank[row - 1]
            move = F.pad((alphas[row - 1] + label[row - 1])[:, :-1], (1, 0), value=NEVER)
            torch.logaddexp(stay, move, out=alphas[row])
        # Betas have one more row, and 0 behind the last blank.
        end = torch.full((rows + 1, batch, width), NEVER)
        end[frame_lengths + label_lengths, torch.arange(batch), label_lengths] = 0
        betas = torch.full((rows + 1, batch, width + 1), NEVER)
        betas[rows, :, :width] = end[rows]
        for row in range(rows - 1, -1, -1):
            stay = betas[row + 1, :, :-1] + blank[row]
            move = betas[row + 1, :, 1:] + label[row]
            betas[row, :, :width] = torch.logaddexp(torch.logaddexp(stay, move), end[row])
        log_sum = betas[0, :, 0]

        shift = alphas - log_sum.unsqueeze(1)
        blank = from_diagonals((shift + blank + betas[1:, :, :-1]).exp(), frames)
        label = from_diagonals((shift + label + betas[1:, :, 1:]).exp(), frames)
        ctx.save_for_backward(log_probs, arcs, blank, label)
        return -log_sum

    @staticmethod
    def backward(ctx, gradient):
        log_probs, arcs, blank, label = ctx.saved_tensors
        scale = gradient.view(-1, 1, 1)
        blank, label = blank * scale, label * scale
        logits_gradient = log_probs.exp_().mul_((blank + label).unsqueeze(-1))  # in place: it runs once
        logits_gradient[..., -1] -= blank
        logits_gradient.scatter_add_(-1, arcs, -label.unsqueeze(-1))
        return logits_gradient, None, None, None


rnnt_loss = RnntLoss.apply
