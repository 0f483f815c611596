#!/usr/bin/env bash
# A language the base model does not know, with and without replay: experiments/digits/run.sh [FOLDER]
# (default: build/digits; about 25 minutes on two cores). Needs tools/synth/apt-packages.txt and `make build`.
set -euo pipefail
cd "$(dirname "$0")/../.."
[[ $# -le 1 && "${1:-}" != -* ]] || { sed -n '2,3s/^# //p' experiments/digits/run.sh; exit 2; }
folder=$(realpath -m "${1:-build/digits}")
here=experiments/digits
mkdir -p "$folder"

# FOLDER/NAME.done stands beside what is finished; what was stopped is made anew.
synth() {
  [ -e "$folder/$1.done" ] && return
  rm -rf "${folder:?}/$1"
  tools/synth/synth.py "$folder/$1" --only digits "${@:2}" > "$folder/$1.part"
  mv "$folder/$1.part" "$folder/$1.done"
}
[ -e "$folder/tokenizer.model" ] || tools/synth/tokenizer.py "$folder/tokenizer.model" --vocabulary 512 \
  --locales en-US,de-DE,es-ES,fr-FR,it-IT,pt-BR,el-GR,bg-BG
synth train --hours 4 --mix en-US=1,de-DE=1,es-ES=1,fr-FR=1,el-GR=0.08 --seed 1
synth test --split test --clips 400 --mix en-US=1,de-DE=1,es-ES=1,fr-FR=1,el-GR=1 --seed 7 --files
synth greek-dev --split test --clips 60 --mix el-GR=1 --seed 8 --files
synth greek --hours 0.7 --mix el-GR=1 --seed 3 --files

train() { [ -e "$folder/$1/run/$1.nemo" ] || build/glossa train --resume "${@:2}" exp_manager.name="$1"; }
sed "s#DATA#$folder#g" $here/base.yaml > "$folder/base.yaml"
train first --config "$folder/base.yaml" glossa.new_model.config=$here/model_config.yaml \
  glossa.new_model.tokenizer="$folder/tokenizer.model"
train base --config "$folder/base.yaml" --skip-base-validation init_from_nemo_model="$folder/first/run/first.nemo" \
  trainer.max_steps=2600 model.optim.sched.warmup_steps=100 model.train_ds.batch_duration=40

# Fine-tunes $2 and calls it $1. The base's own data have the share $3 of the utterances, Greek $4; without $3 there is
# only Greek. The rest are words of `glossa train`.
tune() {
  local data=(--data "$folder/greek/manifest.jsonl")
  [ -z "$3" ] || data+=("~model.train_ds.manifest_filepath" "model.train_ds.input_cfg=[{type: nemo_tarred, weight: $3,
    manifest_filepath: '$folder/train/manifest__OP_0..13_CL_.json', tarred_audio_filepaths: '$folder/train/audio__OP_0..13_CL_.tar'},
    {type: nemo, weight: $4, manifest_filepath: '$folder/greek/manifest.jsonl'}]")
  train "$1" --base "$folder/$2/run/$2.nemo" --validation "$folder/greek-dev/manifest.jsonl" --latency 80ms --steps 600 \
    --lr 1e-3 --exp-dir "$folder" --version-name run --skip-base-validation "${data[@]}" "${@:5}" \
    glossa.learning_rate_scales.encoder=1 glossa.learning_rate_scales.prompt_kernel=1 glossa.freeze_subsampling=false \
    model.train_ds.batch_duration=40 model.train_ds.quadratic_duration=null glossa.average_best=3 \
    model.encoder.dropout=0.05 model.encoder.dropout_pre_encoder=0 model.encoder.dropout_att=0.05 \
    model.spec_augment.freq_masks=0 model.spec_augment.time_masks=0 model.aux_ctc.ctc_loss_weight=0.3
}
steps() { echo "trainer.max_steps=$1 model.optim.sched.max_steps=$1 trainer.val_check_interval=$2"; }
# shellcheck disable=SC2046  # several words
{
  tune half-way base 0.6 0.4 $(steps 2000 250)
  tune with-replay half-way 0.5 0.5 $(steps 2400 400)
  tune without-replay half-way "" "" $(steps 600 200)
}
compare() {
  echo "== $1 beside $2"
  build/glossa evaluate --model "$folder/$1/run/$1.nemo" --dataset-manifest "$folder/test/manifest.jsonl" \
    --att-context-size 56,0 --weights f32 --baseline "$folder/$2/run/$2.nemo"
}
compare half-way base
compare with-replay half-way
compare without-replay half-way
