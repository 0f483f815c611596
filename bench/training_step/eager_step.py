"""Training steps in PyTorch eager on one batch, as JSON: what training_step_bench is for glossa.

eager_step.py MODEL.nemo BATCH THREADS WARM_UP STEPS LEFT RIGHT DROPOUT(0|1)
"""

import json
import resource
import sys
import time

import torch

import tensor_file
from eager_loss import rnnt_loss
from eager_model import read_nemo


def main(model_path, batch_path, threads, warm_up, steps, left, right, dropout):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = read_nemo(model_path, with_dropout=bool(dropout)).train()
    batch = {name: torch.from_numpy(values) for name, values in tensor_file.read(batch_path).items()}
    mels = batch.pop("mels")
    batch = {name: values.long() for name, values in batch.items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, betas=(0.9, 0.98), weight_decay=1e-3)
    report = {"steps_ms": [], "processor_ms": []}
    for step in range(warm_up + steps):
        begin, processor_begin = time.perf_counter(), time.process_time()
        optimizer.zero_grad()
        logits, lengths = model(mels, batch["mel_lengths"], batch["targets"], batch["slots"], (left, right))
        loss = rnnt_loss(logits, batch["targets"], lengths, batch["target_lengths"]).mean()
        del logits
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        report.setdefault("loss", loss.item())
        report.setdefault("grad_norm", norm.item())
        if step >= warm_up:
            report["steps_ms"].append(1e3 * (time.perf_counter() - begin))
            report["processor_ms"].append(1e3 * (time.process_time() - processor_begin))
    report["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:9]))
