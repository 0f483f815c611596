"""English digits as speakers of other languages say them: spelled in their language, for a voice of their language."""
from number_words import in_words

LOCALE = "en-US"
SPELLED = {  # zero to nine, each as it is said by one or another
    "fr-FR": ["ziro zirro", "ouane ouenne", "tou", "sri tri fri", "for fore", "faïve faïf", "six sixe", "sèveune sévenne",
              "eite hète", "naïne"],
    "de-DE": ["siro sihro", "wan uann", "tu tuh", "sri fri", "fohr for", "feif feiw", "sicks", "sewwen sewn", "ejt äit",
              "nein"],
    "es-ES": ["sirou siro", "uan guan", "tu", "zri tri", "for", "faif faib", "sics", "seben seven", "eit", "nain"],
    "it-IT": ["ziro zirou", "uan", "tu", "tri sri", "for", "faiv faif", "sics", "seven", "eit", "nain"],
    "pt-BR": ["zírou", "uãn uan", "tu", "tri sri", "fór", "faive faif", "sics siquis", "séven", "êit eite", "naine"],
    "nl-NL": ["zieroo", "wan", "toe", "srie", "foor", "faaif", "siks", "sèven", "eet", "nain"],
    "el-GR": ["ζίροου", "ουάν", "του", "θρι", "φορ", "φάιβ", "σιξ", "σέβεν", "έιτ", "νάιν"],
}


def drawn(text, dice):
    """(another locale, English `text` in its spelling); (LOCALE, text) if there are other words than digits in it."""
    accent = dice.choice(list(SPELLED))
    digits = {in_words(LOCALE, digit): entries.split() for digit, entries in enumerate(SPELLED[accent])}
    words = text.lower().rstrip(".").split(" ")
    if not all(word in digits for word in words):
        return LOCALE, text
    return accent, " ".join(dice.choice(digits[word]) for word in words) + "."
