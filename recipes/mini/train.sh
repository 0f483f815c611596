#!/usr/bin/env bash
# glossa-mini from nothing: synthetic speech, tokenizer, and both stages of training. Goes on where it was stopped.
#   recipes/mini/train.sh [--quick] [FOLDER]      (default: build/mini, or build/mini-quick)
# --quick: strings of digits in three languages, ten minutes on two cores: to see that it learns.
# Needs tools/synth/apt-packages.txt and `make build`.
set -euo pipefail
cd "$(dirname "$0")/../.."
quick=
[ "${1:-}" != --quick ] || { quick=-quick; shift; }
[[ $# -le 1 && "${1:-}" != -* ]] || { sed -n '2,5s/^# //p' recipes/mini/train.sh; exit 2; }
folder=$(realpath -m "${1:-build/mini$quick}")
synth=tools/synth
if [ "$quick" ]; then
  locales=en-US,de-DE,es-ES
  mix=$locales dev_mix=$locales
  domain=(--only digits) joined=()
  digits_hours=1 varied_hours=3 dev_clips=160
  first=(digits) first_until=800 until=4000
else
  locales=en-US,de-DE,es-ES,fr-FR,it-IT,pt-BR,el-GR,bg-BG
  # Greek and Bulgarian are kept weak on purpose: experiments/greek-bulgarian makes them strong.
  mix=en-US=1,de-DE=1,es-ES=1,fr-FR=1,it-IT=1,pt-BR=1,el-GR=0.1,bg-BG=0.1
  dev_mix=$locales
  domain=() joined=(--joined 0.2)
  digits_hours=2 clean_hours=3 varied_hours=75 dev_clips=320
  first=(digits clean) first_until=2400 until=24000
fi

mkdir -p "$folder"
[ -e "$folder/tokenizer.model" ] || $synth/tokenizer.py "$folder/tokenizer.model" --vocabulary 512 --locales $locales
# FOLDER/NAME.done stands beside what is finished; what was stopped is made anew.
speak() {
  [ -e "$folder/$1.done" ] && return
  rm -rf "${folder:?}/$1"
  $synth/synth.py "$folder/$1" "${@:2}" > "$folder/$1.part"
  mv "$folder/$1.part" "$folder/$1.done"
}
speak digits --hours $digits_hours --mix $mix --seed 3 --clean --only digits
[ "$quick" ] || speak clean --hours $clean_hours --mix $mix --seed 1 --clean
speak varied --hours $varied_hours --mix $mix --seed 2 --prompts "${domain[@]}" "${joined[@]}"
speak dev --split test --clips $dev_clips --mix $dev_mix --seed 11 --files "${domain[@]}"

# All shards of FOLDER/NAME, as NeMo writes ranges: `shards manifest json clean varied`.
shards() {
  local list=()
  for name in "${@:3}"; do
    local last=$(($(find "$folder/$name" -name "$1_*.$2" | wc -l) - 1))
    list+=("$folder/$name/$1__OP_0..${last}_CL_.$2")
  done
  (IFS=,; echo "[${list[*]}]")
}

# Digits and clear speech first, then everything: one run, so that the optimizer and the heads go on.
sed "s#DATA#$folder#g" recipes/mini/mini.yaml > "$folder/mini.yaml"
train() {  # UNTIL SET...: to step UNTIL
  [ -e "$folder/trained-$1" ] && return
  local model=$folder/glossa-mini/run/glossa-mini.nemo  # written at the end, and not when it was stopped
  rm -f "$model"
  build/glossa train --config "$folder/mini.yaml" --resume exp_manager.exp_dir="$folder" exp_manager.version=run \
    trainer.max_steps="$1" trainer.val_check_interval=$(($1 < 2000 ? $1 : 2000)) model.optim.sched.max_steps=$until \
    model.train_ds.manifest_filepath="$(shards manifest json "${@:2}")" \
    model.train_ds.tarred_audio_filepaths="$(shards audio tar "${@:2}")"
  [ -e "$model" ] || { echo "stopped; the same command goes on" >&2; exit 130; }
  touch "$folder/trained-$1"
}
train $first_until "${first[@]}"
train $until "${first[@]}" varied
