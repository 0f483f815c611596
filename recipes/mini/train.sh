#!/usr/bin/env bash
# glossa-mini from nothing: synthetic speech, tokenizer, and both stages of training. Goes on where it was stopped.
#   recipes/mini/train.sh [FOLDER]      (default: build/mini)
# Needs tools/synth/apt-packages.txt and `make build`.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(realpath -m "${1:-build/mini}")
synth=tools/synth
locales=en-US,de-DE,es-ES,fr-FR,it-IT,pt-BR,el-GR,bg-BG
# Greek and Bulgarian are kept weak on purpose: experiments/greek-bulgarian makes them strong.
mix=en-US=1,de-DE=1,es-ES=1,fr-FR=1,it-IT=1,pt-BR=1,el-GR=0.1,bg-BG=0.1
dev_mix=en-US=1,de-DE=1,es-ES=1,fr-FR=1,it-IT=1,pt-BR=1,el-GR=1,bg-BG=1

mkdir -p "$folder"
[ -e "$folder/tokenizer.model" ] || $synth/tokenizer.py "$folder/tokenizer.model" --vocabulary 512 --locales $locales
# FOLDER/NAME.done stands beside what is finished; what was stopped is made anew.
speak() {
  [ -e "$folder/$1.done" ] && return
  rm -rf "${folder:?}/$1"
  $synth/synth.py "$folder/$1" "${@:2}" > "$folder/$1.part"
  mv "$folder/$1.part" "$folder/$1.done"
}
speak clean --hours 3 --mix $mix --seed 1 --clean
speak varied --hours 18 --mix $mix --seed 2
speak dev --split test --clips 320 --mix $dev_mix --seed 11 --files

# Short clips with little variation first, then everything: one run, so that the optimizer and the CTC head go on.
sed "s#DATA#$folder#g" recipes/mini/mini.yaml > "$folder/mini.yaml"
train=(build/glossa train --config "$folder/mini.yaml" --resume exp_manager.exp_dir="$folder" exp_manager.version=run)
if [ ! -e "$folder/first-stage" ]; then
  "${train[@]}" trainer.max_steps=1200 model.train_ds.max_duration=4 \
    "model.train_ds.manifest_filepath=[$folder/clean/manifest__OP_0..7_CL_.json]" \
    "model.train_ds.tarred_audio_filepaths=[$folder/clean/audio__OP_0..7_CL_.tar]"
  touch "$folder/first-stage"
fi
"${train[@]}"
