"""The recogniser in PyTorch eager, written as NeMo writes it: the baseline of compare.py.

Modules carry NeMo's names, so a .nemo loads with load_state_dict(). Like NeMo, attention scores every pair of
frames and masks them, and the joint makes all logits.
"""

import io
import math
import tarfile

import torch
import torch.nn.functional as F
import yaml
from torch import nn

MASKED_SCORE = -10000.0  # NeMo's INF_VAL


class CausalConv2D(nn.Conv2d):
    def forward(self, x):
        left, right = self.kernel_size[0] - 1, self.stride[0] - 1
        return super().forward(F.pad(x, (left, right, left, right)))


class CausalConv1D(nn.Conv1d):
    def forward(self, x):
        return super().forward(F.pad(x, (self.kernel_size[0] - 1, 0)))


class MaskedConvSequential(nn.Sequential):
    """Frames beyond a length are zeroed before every layer."""

    def forward(self, x, lengths):
        x = x.unsqueeze(1)  # [B, 1, T, mels]
        mask = self.mask_of(x, lengths)
        for layer in self:
            x = layer(x * mask)
            if getattr(layer, "stride", (1, 1)) != (1, 1):
                lengths = lengths.div(2, rounding_mode="floor") + 1
                mask = self.mask_of(x, lengths)
        return x * mask, lengths

    @staticmethod
    def mask_of(x, lengths):
        times = torch.arange(x.size(2))
        return (times < lengths.unsqueeze(1)).to(x.dtype)[:, None, :, None]


class ConvSubsampling(nn.Module):
    """dw_striding, causal, eightfold."""

    def __init__(self, mels, channels, d_model):
        super().__init__()
        layers = [CausalConv2D(1, channels, 3, stride=2), nn.ReLU()]
        rows = mels // 2 + 1
        for _ in range(2):
            layers += [
                CausalConv2D(channels, channels, 3, stride=2, groups=channels),
                nn.Conv2d(channels, channels, 1),
                nn.ReLU(),
            ]
            rows = rows // 2 + 1
        self.conv = MaskedConvSequential(*layers)
        self.out = nn.Linear(channels * rows, d_model)

    def forward(self, mels, lengths):  # [B, mels, T]
        x, lengths = self.conv(mels.transpose(1, 2), lengths)
        return self.out(x.transpose(1, 2).flatten(2)), lengths


class FeedForward(nn.Module):
    def __init__(self, d_model, d_ff, bias, dropout):
        super().__init__()
        self.linear1 = nn.Linear(d_model, d_ff, bias=bias)
        self.linear2 = nn.Linear(d_ff, d_model, bias=bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.linear2(self.dropout(F.silu(self.linear1(x))))


class RelPositionMultiHeadAttention(nn.Module):
    def __init__(self, d_model, heads, bias, dropout):
        super().__init__()
        self.heads, self.head_size = heads, d_model // heads
        self.linear_q = nn.Linear(d_model, d_model, bias=bias)
        self.linear_k = nn.Linear(d_model, d_model, bias=bias)
        self.linear_v = nn.Linear(d_model, d_model, bias=bias)
        self.linear_out = nn.Linear(d_model, d_model, bias=bias)
        self.linear_pos = nn.Linear(d_model, d_model, bias=False)
        self.pos_bias_u = nn.Parameter(torch.zeros(heads, self.head_size))
        self.pos_bias_v = nn.Parameter(torch.zeros(heads, self.head_size))
        self.dropout = nn.Dropout(dropout)

    def split(self, x):  # [B, T, d] -> [B, T, heads, size]
        return x.view(x.size(0), -1, self.heads, self.head_size)

    @staticmethod
    def rel_shift(x):  # [B, heads, T, 2 T - 1]: row i moves by T - 1 - i
        batch, heads, rows, offsets = x.shape
        return F.pad(x, (1, 0)).view(batch, heads, -1, rows)[:, :, 1:].view(batch, heads, rows, offsets)

    def forward(self, x, positions, mask):  # mask [B, T, T]: True where a key is not seen
        q = self.split(self.linear_q(x))
        k = self.split(self.linear_k(x)).transpose(1, 2)
        v = self.split(self.linear_v(x)).transpose(1, 2)
        p = self.split(self.linear_pos(positions)).transpose(1, 2)
        content = torch.matmul((q + self.pos_bias_u).transpose(1, 2), k.transpose(-2, -1))
        offsets = torch.matmul((q + self.pos_bias_v).transpose(1, 2), p.transpose(-2, -1))
        offsets = self.rel_shift(offsets)[:, :, :, : content.size(-1)]
        scores = (content + offsets) / math.sqrt(self.head_size)
        mask = mask.unsqueeze(1)
        scores = scores.masked_fill(mask, MASKED_SCORE)
        weights = torch.softmax(scores, dim=-1).masked_fill(mask, 0.0)
        mixed = torch.matmul(self.dropout(weights), v)
        return self.linear_out(mixed.transpose(1, 2).reshape(x.size(0), -1, self.heads * self.head_size))


class ConformerConvolution(nn.Module):
    def __init__(self, d_model, kernel, bias):
        super().__init__()
        self.pointwise_conv1 = nn.Conv1d(d_model, 2 * d_model, 1, bias=bias)
        self.depthwise_conv = CausalConv1D(d_model, d_model, kernel, groups=d_model, bias=bias)
        self.batch_norm = nn.LayerNorm(d_model)  # the name is historical
        self.pointwise_conv2 = nn.Conv1d(d_model, d_model, 1, bias=bias)

    def forward(self, x, pad_mask):  # pad_mask [B, T]: True beyond a length
        x = F.glu(self.pointwise_conv1(x.transpose(1, 2)), dim=1)
        x = self.depthwise_conv(x.masked_fill(pad_mask.unsqueeze(1), 0.0))
        x = self.batch_norm(x.transpose(1, 2)).transpose(1, 2)
        return self.pointwise_conv2(F.silu(x)).transpose(1, 2)


class ConformerLayer(nn.Module):
    def __init__(self, config, dropout):
        super().__init__()
        d_model, bias = config["d_model"], config["use_bias"]
        d_ff = d_model * config["ff_expansion_factor"]
        self.norm_feed_forward1 = nn.LayerNorm(d_model)
        self.feed_forward1 = FeedForward(d_model, d_ff, bias, dropout["dropout"])
        self.norm_self_att = nn.LayerNorm(d_model)
        self.self_attn = RelPositionMultiHeadAttention(d_model, config["n_heads"], bias, dropout["dropout_att"])
        self.norm_conv = nn.LayerNorm(d_model)
        self.conv = ConformerConvolution(d_model, config["conv_kernel_size"], bias)
        self.norm_feed_forward2 = nn.LayerNorm(d_model)
        self.feed_forward2 = FeedForward(d_model, d_ff, bias, dropout["dropout"])
        self.norm_out = nn.LayerNorm(d_model)
        self.dropout = nn.Dropout(dropout["dropout"])

    def forward(self, x, positions, mask, pad_mask):
        x = x + self.dropout(self.feed_forward1(self.norm_feed_forward1(x))) * 0.5
        x = x + self.dropout(self.self_attn(self.norm_self_att(x), positions, mask))
        x = x + self.dropout(self.conv(self.norm_conv(x), pad_mask))
        x = x + self.dropout(self.feed_forward2(self.norm_feed_forward2(x))) * 0.5
        return self.norm_out(x)


class ConformerEncoder(nn.Module):
    def __init__(self, config, dropout):
        super().__init__()
        self.d_model = config["d_model"]
        self.scale = math.sqrt(self.d_model) if config["xscaling"] else None
        self.pre_encode = ConvSubsampling(config["feat_in"], config["subsampling_conv_channels"], self.d_model)
        self.dropout_pre_encoder = nn.Dropout(dropout["dropout_pre_encoder"])
        self.dropout_emb = nn.Dropout(dropout["dropout_emb"])
        self.layers = nn.ModuleList(ConformerLayer(config, dropout) for _ in range(config["n_layers"]))
        self.positions = None  # kept from step to step, as NeMo keeps its table

    def positions_of(self, frames):
        if self.positions is None or self.positions.size(1) != 2 * frames - 1:
            offsets = torch.arange(frames - 1, -frames, -1, dtype=torch.float32).unsqueeze(1)
            rates = torch.exp(torch.arange(0, self.d_model, 2) * -(math.log(10000.0) / self.d_model))
            table = torch.empty(2 * frames - 1, self.d_model)
            table[:, 0::2] = torch.sin(offsets * rates)
            table[:, 1::2] = torch.cos(offsets * rates)
            self.positions = table.unsqueeze(0)
        return self.positions

    @staticmethod
    def masks_of(frames, lengths, context):
        left, right = context
        chunks = torch.arange(frames).div(right + 1, rounding_mode="floor")
        behind = chunks.unsqueeze(1) - chunks.unsqueeze(0)
        seen = (behind >= 0) & (behind <= left // (right + 1))
        valid = torch.arange(frames) < lengths.unsqueeze(1)
        seen = seen & valid.unsqueeze(1) & valid.unsqueeze(2)
        return ~seen, ~valid

    def forward(self, mels, lengths, context):
        x, lengths = self.pre_encode(mels, lengths)
        if self.scale:
            x = x * self.scale
        x = self.dropout_pre_encoder(x)
        positions = self.dropout_emb(self.positions_of(x.size(1)))
        mask, pad_mask = self.masks_of(x.size(1), lengths, context)
        for layer in self.layers:
            x = layer(x, positions, mask, pad_mask)
        return x, lengths


class RNNTDecoder(nn.Module):
    def __init__(self, config, vocabulary, dropout):
        super().__init__()
        hidden, layers = config["pred_hidden"], config["pred_rnn_layers"]
        self.prediction = nn.ModuleDict(
            {
                "embed": nn.Embedding(vocabulary + 1, hidden, padding_idx=vocabulary),
                "dec_rnn": nn.ModuleDict(
                    {"lstm": nn.LSTM(hidden, hidden, layers, dropout=dropout if layers > 1 else 0.0)}
                ),
            }
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, targets):  # [B, U] -> [B, U + 1, hidden]
        x = F.pad(self.prediction["embed"](targets), (0, 0, 1, 0))
        x, _ = self.prediction["dec_rnn"]["lstm"](x.transpose(0, 1))
        return self.dropout(x).transpose(0, 1)


class RNNTJoint(nn.Module):
    def __init__(self, config, classes, dropout):
        super().__init__()
        hidden = config["joint_hidden"]
        self.enc = nn.Linear(config["encoder_hidden"], hidden)
        self.pred = nn.Linear(config["pred_hidden"], hidden)
        self.joint_net = nn.Sequential(nn.ReLU(inplace=True), nn.Dropout(dropout), nn.Linear(hidden, classes))

    def forward(self, frames, states):  # -> [B, T, U + 1, classes]
        return self.joint_net(self.enc(frames).unsqueeze(2) + self.pred(states).unsqueeze(1))


class EncDecRNNTModel(nn.Module):
    """Mels and targets -> logits, under a prompt if the checkpoint has one."""

    def __init__(self, config, with_dropout):
        super().__init__()
        encoder, decoder, joint = config["encoder"], config["decoder"], config["joint"]
        names = ("dropout", "dropout_pre_encoder", "dropout_emb", "dropout_att")
        dropout = {name: encoder[name] if with_dropout else 0.0 for name in names}
        vocabulary = decoder["vocab_size"]
        self.encoder = ConformerEncoder(encoder, dropout)
        self.decoder = RNNTDecoder(decoder["prednet"], vocabulary, with_dropout * decoder["prednet"]["dropout"])
        jointnet = joint["jointnet"]
        self.joint = RNNTJoint(jointnet, vocabulary + 1, with_dropout * jointnet["dropout"])
        self.num_prompts = config.get("num_prompts", 0)
        if self.num_prompts:
            d_model = encoder["d_model"]
            self.prompt_kernel = nn.Sequential(
                nn.Linear(d_model + self.num_prompts, 2 * d_model), nn.ReLU(), nn.Linear(2 * d_model, d_model)
            )

    def forward(self, mels, mel_lengths, targets, slots, context):
        frames, lengths = self.encoder(mels, mel_lengths, context)
        if self.num_prompts:
            prompt = F.one_hot(slots, self.num_prompts).to(frames.dtype)
            prompt = prompt.unsqueeze(1).expand(-1, frames.size(1), -1)
            frames = self.prompt_kernel(torch.cat([frames, prompt], dim=-1))
        return self.joint(frames, self.decoder(targets)), lengths


def read_nemo(path, with_dropout=False):
    with tarfile.open(path) as archive:
        members = {member.name.split("/")[-1]: member for member in archive.getmembers()}
        config = yaml.safe_load(archive.extractfile(members["model_config.yaml"]))
        weights = io.BytesIO(archive.extractfile(members["model_weights.ckpt"]).read())
    model = EncDecRNNTModel(config, with_dropout)
    state = torch.load(weights, map_location="cpu")
    model.load_state_dict({k: v.float() for k, v in state.items() if not k.startswith("preprocessor.")})
    return model
