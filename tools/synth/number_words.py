"""Numbers from 0 to 999 in words. Genders: masculine or neuter, as one counts."""

UNITS = {
    "en-US": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
             "seventeen eighteen nineteen",
    "de-DE": "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn "
             "siebzehn achtzehn neunzehn",
    "es-ES": "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis "
             "diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco "
             "veintiséis veintisiete veintiocho veintinueve",
    "fr-FR": "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept "
             "dix-huit dix-neuf",
    "it-IT": "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici "
             "sedici diciassette diciotto diciannove",
    "pt-BR": "zero um dois três quatro cinco seis sete oito nove dez onze doze treze quatorze quinze dezesseis "
             "dezessete dezoito dezenove",
    "nl-NL": "nul één twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien zestien "
             "zeventien achttien negentien",
    "el-GR": "μηδέν ένα δύο τρία τέσσερα πέντε έξι επτά οκτώ εννέα δέκα έντεκα δώδεκα δεκατρία δεκατέσσερα δεκαπέντε "
             "δεκαέξι δεκαεπτά δεκαοκτώ δεκαεννέα",
    "bg-BG": "нула едно две три четири пет шест седем осем девет десет единадесет дванадесет тринадесет "
             "четиринадесет петнадесет шестнадесет седемнадесет осемнадесет деветнадесет",
}
TENS = {  # from twenty; the French seventies and nineties are made from sixty and eighty
    "en-US": "twenty thirty forty fifty sixty seventy eighty ninety",
    "de-DE": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "es-ES": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "fr-FR": "vingt trente quarante cinquante soixante soixante quatre-vingt quatre-vingt",
    "it-IT": "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
    "pt-BR": "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa",
    "nl-NL": "twintig dertig veertig vijftig zestig zeventig tachtig negentig",
    "el-GR": "είκοσι τριάντα σαράντα πενήντα εξήντα εβδομήντα ογδόντα ενενήντα",
    "bg-BG": "двадесет тридесет четиридесет петдесет шестдесет седемдесет осемдесет деветдесет",
}
HUNDREDS = {  # where they are irregular
    "es-ES": "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos",
    "pt-BR": "cento duzentos trezentos quatrocentos quinhentos seiscentos setecentos oitocentos novecentos",
    "el-GR": "εκατόν διακόσια τριακόσια τετρακόσια πεντακόσια εξακόσια επτακόσια οκτακόσια εννιακόσια",
    "bg-BG": "сто двеста триста четиристотин петстотин шестстотин седемстотин осемстотин деветстотин",
}
ROUND_HUNDRED = {"es-ES": "cien", "pt-BR": "cem", "el-GR": "εκατό"}

UNITS, TENS, HUNDREDS = ({locale: words.split() for locale, words in table.items()}
                         for table in (UNITS, TENS, HUNDREDS))


def below_hundred(locale, number):
    units = UNITS[locale]
    if number < len(units):
        return units[number]
    ten, unit = divmod(number, 10)
    tens = TENS[locale][ten - 2]
    if locale == "fr-FR":
        if ten in (7, 9):
            unit += 10
        if unit == 0:
            return tens + ("s" if ten == 8 else "")
        if unit in (1, 11) and ten < 8:
            return f"{tens} et {units[unit]}"
        return f"{tens}-{units[unit]}"
    if unit == 0:
        return tens
    word = units[unit]
    if locale == "de-DE":
        return ("ein" if unit == 1 else word) + "und" + tens
    if locale == "nl-NL":
        word = "een" if unit == 1 else word
        return word + ("ën" if unit in (2, 3) else "en") + tens
    if locale == "it-IT":
        return (tens[:-1] if unit in (1, 8) else tens) + ("tré" if unit == 3 else word)
    return tens + {"en-US": "-", "es-ES": " y ", "pt-BR": " e ", "el-GR": " ", "bg-BG": " и "}[locale] + word


def in_words(locale, number):
    if not 0 <= number < 1000:
        raise ValueError(f"{number} is not between 0 and 999")
    hundred, rest = divmod(number, 100)
    if hundred == 0:
        return below_hundred(locale, number)
    if number == 100 and locale in ROUND_HUNDRED:
        return ROUND_HUNDRED[locale]
    unit, tail = UNITS[locale][hundred], below_hundred(locale, rest) if rest else ""
    if locale == "en-US":
        return f"{unit} hundred {tail}".strip()
    if locale == "fr-FR":
        head = "cent" if hundred == 1 else f"{unit} cent"
        return f"{head} {tail}" if rest else head + ("s" if hundred > 1 else "")
    if locale == "de-DE":
        return ("ein" if hundred == 1 else unit) + "hundert" + tail
    if locale == "nl-NL":
        return ("" if hundred == 1 else unit) + "honderd" + ("een" if rest == 1 else tail)
    if locale == "it-IT":
        head = ("" if hundred == 1 else unit) + "cento"
        return (head[:-1] if tail.startswith("ott") else head) + ("tré" if rest == 3 else tail)
    head = HUNDREDS[locale][hundred - 1]
    if not rest:
        return head
    if locale == "pt-BR" or (locale == "bg-BG" and (rest < 20 or rest % 10 == 0)):
        return head + {"pt-BR": " e ", "bg-BG": " и "}[locale] + tail
    return f"{head} {tail}"
