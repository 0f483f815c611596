"""Writes clips as NeMo's tarred shards, or as a folder of files with a manifest."""
import io
import json
import os
import pathlib
import tarfile

from variation import SAMPLE_RATE

CLIPS_PER_SHARD = 500


def line(name, clip, **more):
    entry = {"audio_filepath": name, "duration": clip.samples / SAMPLE_RATE, "text": clip.text,
             "target_lang": clip.locale, "speaker": clip.speaker, **more}
    if clip.frame_labels:
        entry["frame_labels"] = clip.frame_labels
    return json.dumps(entry, ensure_ascii=False) + "\n"


def partial(path):
    return path.with_name(path.name + ".partial")


class Shards:
    """audio_<i>.tar and manifest_<i>.json; each pair gets its names when it is complete."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        if any(self.folder.glob("manifest_*.json")):
            raise FileExistsError(f"{folder} has shards already")
        self.shard = 0
        self.lines = []
        self.tar = None

    def paths(self):
        return self.folder / f"audio_{self.shard}.tar", self.folder / f"manifest_{self.shard}.json"

    def add(self, name, clip):
        if self.tar is None:
            self.tar = tarfile.open(partial(self.paths()[0]), "w")
        member = tarfile.TarInfo(f"{name}.flac")
        member.size = len(clip.flac)
        self.tar.addfile(member, io.BytesIO(clip.flac))
        self.lines.append(line(member.name, clip, shard_id=self.shard))
        if len(self.lines) == CLIPS_PER_SHARD:
            self.close()

    def close(self):
        if self.tar is None:
            return
        self.tar.close()
        audio, manifest = self.paths()
        partial(manifest).write_text("".join(self.lines), encoding="utf-8")
        os.replace(partial(audio), audio)
        os.replace(partial(manifest), manifest)
        self.shard, self.lines, self.tar = self.shard + 1, [], None


class Files:
    """audio/<name>.flac and manifest.jsonl, which gets its name when all is written."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "audio").mkdir(parents=True, exist_ok=True)
        if (self.folder / "manifest.jsonl").exists():
            raise FileExistsError(f"{folder} has a manifest already")
        self.lines = []

    def add(self, name, clip):
        (self.folder / "audio" / f"{name}.flac").write_bytes(clip.flac)
        self.lines.append(line(f"audio/{name}.flac", clip))

    def close(self):
        manifest = self.folder / "manifest.jsonl"
        partial(manifest).write_text("".join(self.lines), encoding="utf-8")
        os.replace(partial(manifest), manifest)
