"""Word error rates of several models on the same utterances, and how sure their differences are."""
import json
import os
import random
import statistics

MODELS = ["base", "with-replay", "without-replay"]
PAIRS = [("with-replay", "base"), ("without-replay", "base"), ("with-replay", "without-replay")]
SEED = 1
FIELD_BITS = 32  # of a count in a packed utterance


def write_json(path, value):
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)


def read_evaluation(path):
    """What `glossa evaluate --output-path` wrote: {(context, locale): {id: utterance}}."""
    utterances = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            if "error" in entry:
                raise ValueError(f"{path}: {entry.get('id')}: {entry['error']}")
            context = ",".join(str(frames) for frames in entry["att_context_size"])
            utterances.setdefault((context, entry["target_lang"]), {})[entry["id"]] = entry
    return utterances


def errors(utterance):
    edits = utterance["edits"]  # of normalised texts
    return edits["substitutions"] + edits["deletions"] + edits["insertions"]


def unpack(packed, fields):
    return [packed >> (FIELD_BITS * field) & ((1 << FIELD_BITS) - 1) for field in range(fields)]


def resampled_rates(counts, resamples, seed):
    """counts: for each utterance its errors by each model, then its reference words. Draws utterances with
    replacement, the same ones for all models, and gives for each draw the models' error rates.

    An utterance's counts are packed into one number, so that one sum adds them all up."""
    fields = len(counts[0])
    packed = [sum(count << (FIELD_BITS * field) for field, count in enumerate(row)) for row in counts]
    dice = random.Random(seed)
    rates = []
    for _ in range(resamples):
        *wrong, words = unpack(sum(dice.choices(packed, k=len(packed))), fields)
        rates.append([count / words for count in wrong])
    return rates


def interval(values):
    """The middle 95 %."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return [ordered[round(0.025 * last)], ordered[round(0.975 * last)]]


def difference(name, other, rates, draws):
    """Of two models: rates and draws hold one value for each of MODELS."""
    first, second = MODELS.index(name), MODELS.index(other)
    low, high = interval([draw[first] - draw[second] for draw in draws])
    return {"model": name, "against": other, "difference": rates[first] - rates[second], "interval": [low, high],
            "relative": rates[first] / rates[second] - 1 if rates[second] else None,
            "verdict": "better" if high < 0 else "worse" if low > 0 else "not significant"}


def summary(rates, draws):
    return {"wer": dict(zip(MODELS, rates)),
            "interval": {name: interval([draw[index] for draw in draws]) for index, name in enumerate(MODELS)},
            "differences": [difference(name, other, rates, draws) for name, other in PAIRS]}


def tag_share(utterances):
    """Of a model's utterances: those whose language tag names the spoken language."""
    return statistics.fmean(entry["pred_lang"] == entry["target_lang"] for entry in utterances.values())


def compare(evaluations, new, others, contexts, resamples):
    """evaluations: read_evaluation of each of MODELS. "scores" has a row for each context and locale, "others" the mean
    of the replayed languages' rates, each language counting alike."""
    scores, means = [], []
    for context in contexts:
        of_others = []
        for number, locale in enumerate(new + others):
            of_models = [evaluations[name][context, locale] for name in MODELS]
            ids = sorted(of_models[0])
            if any(sorted(utterances) != ids for utterances in of_models):
                raise ValueError(f"{locale} at [{context}]: the models were evaluated on different utterances")
            counts = [[*(errors(utterances[key]) for utterances in of_models),
                       of_models[0][key]["edits"]["reference"]] for key in ids]
            *wrong, words = map(sum, zip(*counts))
            rates = [count / words for count in wrong]
            draws = resampled_rates(counts, resamples, SEED + number)
            scores.append({"att_context_size": context, "locale": locale, "utterances": len(ids), "words": words,
                           **summary(rates, draws),
                           "tag": {name: tag_share(of) for name, of in zip(MODELS, of_models)}})
            if locale in others:
                of_others.append((rates, draws))
        mean_rates = [statistics.fmean(rates) for rates in zip(*(rates for rates, _ in of_others))]
        mean_draws = [[statistics.fmean(rates) for rates in zip(*draws)]
                      for draws in zip(*(draws for _, draws in of_others))]
        means.append({"att_context_size": context, "locales": others, **summary(mean_rates, mean_draws)})
    return {"resamples": resamples, "scores": scores, "others": means}


def examples(evaluations, new, others, context):
    """Drawn, not chosen: three utterances of the new languages, one of the others."""
    dice = random.Random(SEED)
    drawn = []
    for locale in new + others:
        base = evaluations["base"][context, locale]
        ids = sorted(base)
        for key in dice.sample(ids, min(3 if locale in new else 1, len(ids))):
            drawn.append({"locale": locale, "text": base[key]["text"],
                          "heard": {name: evaluations[name][context, locale][key]["pred_text"] for name in MODELS}})
    return drawn
