"""results.json as a page and as a table: no scripts, nothing from elsewhere."""
import difflib
import html

from results import MODELS

NAMES = {"el-GR": "Greek", "bg-BG": "Bulgarian", "en-US": "English", "de-DE": "German", "es-ES": "Spanish",
         "fr-FR": "French", "it-IT": "Italian", "pt-BR": "Portuguese"}
LATENCY = {"56,0": "80 ms", "56,13": "1120 ms"}
PUBLISHED = [("Greek", 35, 24), ("Bulgarian", 22, 15)]  # NVIDIA's walkthrough, [56,0]
FULL_COLOUR = 0.30  # difference of rates from which on a cell is not more coloured

SYNTHETIC = ("All audio is synthetic: training, development and test sentences are spoken by speech synthesis. "
             "The figures compare three models on such speech; they say little about people.")
TOO_SMALL = "This was a smoke test (--quick): so little data and so few steps that no figure means anything."

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1160px; margin: 2em auto; padding: 0 1em; color: #1c1f23;
       background: #fff }
h1 { font-size: 1.6em } h2 { font-size: 1.2em; margin-top: 2em }
.notice { border-left: 6px solid #b35900; background: #fff4e5; padding: .7em 1em; margin: 1em 0 }
table { border-collapse: collapse; margin: .8em 0; font-variant-numeric: tabular-nums }
th, td { padding: .35em .7em; border-bottom: 1px solid #d5d9de; text-align: right; white-space: nowrap }
th { white-space: normal; vertical-align: bottom }
th:first-child, td:first-child { text-align: left } thead th { border-bottom: 2px solid #6b7480; font-weight: 600 }
tr.published td { color: #5a626b; font-style: italic }
td small { display: block; color: #3c434b }
.left td, .left th { text-align: left; white-space: normal; vertical-align: top }
.wide { overflow-x: auto } .quiet { color: #5a626b; font-size: .9em }
mark { background: #ffd9b3; color: inherit }
pre { background: #f4f5f7; padding: 1em; overflow-x: auto; font-size: .8em }
"""


def not_comparable(found):
    return ("NVIDIA's figures are somebody else's, as published: the released model of 600 M parameters on real "
            f'speech. Ours are of a model of {found["base"]["parameters"] / 1e6:.1f} M parameters on synthetic speech. '
            "Only the form of the table is the same.")


def percent(rate):
    return f"{100 * rate:.1f}"


def signed(rate):
    return f"{round(100 * rate, 1) + 0.0:+.1f}".replace("-", "−")  # + 0.0: no negative zero


def relative(value):
    return "–" if value is None else f"{signed(value)} %"


def span(interval, form=percent):
    return f"{form(interval[0])} to {form(interval[1])}"


def scores_at(found, context):
    return [row for row in found["scores"] if row["att_context_size"] == context]


def contexts(found):
    return [row["att_context_size"] for row in found["others"]]


def difference(row, model, against="base"):
    return next(entry for entry in row["differences"] if (entry["model"], entry["against"]) == (model, against))


def cells(values, tag="td"):
    return "".join(f"<{tag}>{value}</{tag}>" for value in values)


def table(head, rows, style=""):
    """Rows are lists of cells, or rows in HTML already."""
    body = "\n".join(row if isinstance(row, str) else f"<tr>{cells(row)}</tr>" for row in rows)
    return (f'<div class="wide"><table class="{style}"><thead><tr>{cells(head, "th")}</tr></thead>\n'
            f"<tbody>{body}</tbody></table></div>")


def headline(found):
    rows = []
    for row in scores_at(found, "56,0")[:2]:
        change = difference(row, "with-replay")
        rows.append([NAMES[row["locale"]], percent(row["wer"]["base"]), percent(row["wer"]["with-replay"]),
                     relative(change["relative"]), span(change["interval"], signed), change["verdict"]])
    for language, base, tuned in PUBLISHED:
        values = [f"{language}: NVIDIA, 600 M, real speech", base, tuned, relative(tuned / base - 1), "–", "–"]
        rows.append(f'<tr class="published">{cells(values)}</tr>')
    return table(["Language", "Base WER %", "Fine-tuned WER %", "Relative", "Difference in points, 95 %", "Verdict"],
                 rows)


def all_scores(found, context):
    rows = []
    for row in scores_at(found, context):
        values = [NAMES[row["locale"]], row["words"]]
        for model in MODELS:
            values.append(f'{percent(row["wer"][model])}<small>{span(row["interval"][model])}</small>')
            if model != "base":
                change = difference(row, model)
                values.append(f'{relative(change["relative"])}<small>{span(change["interval"], signed)} points: '
                              f'{change["verdict"]}</small>')
        rows.append(values)
    return table(["Language", "words", "base", "with replay", "relative", "without replay", "relative"], rows)


def coloured(row, model):
    """A cell of the forgetting matrix: orange is worse than the base model, blue better."""
    if model == "base":
        return f'<td>{percent(row["wer"]["base"])}<small>&nbsp;</small></td>'
    change = difference(row, model)
    strength = min(1, abs(change["difference"]) / FULL_COLOUR)
    colour = "227,116,0" if change["difference"] > 0 else "33,113,181"
    star = "*" if change["verdict"] != "not significant" else ""
    return (f'<td style="background: rgba({colour},{0.6 * strength:.2f})">{percent(row["wer"][model])}'
            f'<small>{signed(change["difference"])}{star}</small></td>')


def forgetting(found, context):
    columns = scores_at(found, context) + [row for row in found["others"] if row["att_context_size"] == context]
    head = [""] + [NAMES[row["locale"]] for row in columns[:-1]] + ["six others, mean"]
    return table(head, [f'<tr><td>{model.replace("-", " ")}</td>{"".join(coloured(row, model) for row in columns)}</tr>'
                        for model in MODELS])


def replay_sentences(found):
    sentences = []
    for row in found["others"]:
        change = difference(row, "with-replay", "without-replay")
        sentences.append(
            f'At [{row["att_context_size"]}] the mean of the six other languages is '
            f'{percent(row["wer"]["base"])} % with the base model, {percent(row["wer"]["with-replay"])} % with replay '
            f'and {percent(row["wer"]["without-replay"])} % without: replay changes it by '
            f'{signed(change["difference"])} points ({span(change["interval"], signed)}).')
    return " ".join(sentences)


def marked(reference, heard):
    """`heard` with the words that differ from the reference marked."""
    wanted, words, parts = reference.split(), heard.split(), []
    for kind, _, _, start, end in difflib.SequenceMatcher(a=wanted, b=words, autojunk=False).get_opcodes():
        text = html.escape(" ".join(words[start:end]))
        if text:
            parts.append(text if kind == "equal" else f"<mark>{text}</mark>")
    return " ".join(parts) or '<span class="quiet">(nothing)</span>'


def example_rows(found):
    return [[NAMES[entry["locale"]], html.escape(entry["text"]),
             *(marked(entry["text"], entry["heard"][model]) for model in MODELS)] for entry in found["examples"]]


def validation_table(found):
    steps = [step for step, _ in found["validation"]["with-replay"]]
    rows = [[name.replace("-", " "), *(percent(rate) for _, rate in found["validation"][name])]
            for name in MODELS[1:]]
    return table(["step", *steps], rows)


def tag_table(found):
    rows = [[NAMES[row["locale"]], *(percent(row["tag"][model]) for model in MODELS)]
            for row in scores_at(found, "56,0")]
    return table(["Language", "base", "with replay", "without replay"], rows)


def data_table(found):
    def cell(sizes):
        return f'{sizes["clips"]}<small>{sizes["hours"]:.2f} h</small>' if sizes else "–"

    rows = [[NAMES[locale], *(cell(part.get(locale)) for part in found["data"].values())] for locale in NAMES]
    return table(["Clips", *(found["data"])], rows)


def page(found):
    notices = [SYNTHETIC] + ([TOO_SMALL] if found["quick"] else [])
    scale, minutes = found["scale"], sum(found["seconds"].values()) / 60
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>Greek and Bulgarian for a small model</title><style>{STYLE}</style>",
        "<h1>Greek and Bulgarian for a small model, with and without replay</h1>",
        *(f'<p class="notice"><strong>{html.escape(notice)}</strong></p>' for notice in notices),
        "<p>A model that has heard little Greek and Bulgarian is fine-tuned to them twice, for the same number of "
        f'steps: with replay ({100 * scale["replay_share"]:.0f} % of the utterances are of its six other languages) '
        "and without. Word error rates (WER) are of normalised texts, streamed chunk by chunk as in deployment.</p>",
        "<h2>Fine-tuned with replay, [56,0]: chunks of 80 ms</h2>", headline(found),
        f'<p class="quiet">{not_comparable(found)}</p>',
        "<h2>What was forgotten</h2>",
        "<p>WER %, and below it the difference from the base model in points. Orange is worse, blue better; a star: "
        "the 95 % interval of the difference does not contain 0.</p>",
    ]
    for context in contexts(found):
        parts += [f"<h3>[{context}]: {LATENCY[context]}</h3>", forgetting(found, context)]
    parts += [f"<p>{replay_sentences(found)}</p>", "<h2>Every language, with intervals</h2>"]
    for context in contexts(found):
        parts += [f"<h3>[{context}]: {LATENCY[context]}</h3>", all_scores(found, context)]
    parts += [
        f'<p class="quiet">Small: 95 % intervals, bootstrap over utterances with {found["resamples"]} resamples; of '
        "differences it is paired: each resample draws the same utterances for all models. Each verdict is on its own; "
        "of twenty where nothing changed, one would be called significant by chance. They do not cover what another "
        "seed of the training would have given.</p>",
        "<h2>Transcripts</h2>",
        "<p>Drawn at random, [56,0]. Words that differ from the reference are marked; capitals and punctuation count "
        "here, and not in the error rates.</p>",
        table(["Language", "spoken", "base", "with replay", "without replay"], example_rows(found), "left"),
        "<h2>On the way</h2>",
        "<p>WER % of the texts as they are, on the development set (Greek and Bulgarian, [56,0]); it chose the "
        "step, or the mean of the best ones. Step 0 is the base model.</p>", validation_table(found),
        "<p>Utterances whose language tag is that of the language spoken, in per cent ([56,0]; the model is told the "
        "language):</p>", tag_table(found),
        "<h2>Data</h2>", data_table(found),
        "<p>Development and test sentences and voices are not in the training data, and no test sentence is in the "
        "development set.</p>",
        "<h2>How it was made</h2>",
        f'<p>Base model: {html.escape(found["base"]["path"])}, SHA-256 {found["base"]["sha256"][:16]}… '
        f'{scale["steps"]} steps each; {found["threads"]} threads; {minutes:.0f} minutes for all stages.</p>',
        f'<pre>{html.escape(chr(10).join(found["commands"]))}</pre>', "</html>"]
    return "\n".join(parts) + "\n"


def columns(rows):
    """Aligned: the first column left, the others right."""
    widths = [max(len(str(row[index])) for row in rows) for index in range(len(rows[0]))]
    return "\n".join("  ".join(str(value).ljust(width) if index == 0 else str(value).rjust(width)
                               for index, (value, width) in enumerate(zip(row, widths))).rstrip() for row in rows)


def table_text(found):
    lines = [SYNTHETIC] + ([TOO_SMALL] if found["quick"] else [])
    for context in contexts(found):
        rows = [["language", "base WER", "with replay", "relative", "is", "without replay", "relative", "is"]]
        others = next(row for row in found["others"] if row["att_context_size"] == context)
        for row in scores_at(found, context) + [others]:
            values = [NAMES.get(row.get("locale"), "mean of the six others"), percent(row["wer"]["base"])]
            for model in MODELS[1:]:
                change = difference(row, model)
                values += [percent(row["wer"][model]), relative(change["relative"]), change["verdict"]]
            rows.append(values)
        lines += ["", f"[{context}], {LATENCY[context]}:", columns(rows)]
    published = ", ".join(f"{language} {base} -> {tuned}" for language, base, tuned in PUBLISHED)
    return "\n".join(lines + ["", f"NVIDIA's walkthrough at [56,0]: {published}. {not_comparable(found)}"])
