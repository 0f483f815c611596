"""What is heard when: phonemes with times, as one character for each 40 ms."""
PIECE = 0.04  # seconds: half an encoder frame
SYMBOLS = "_abcdefghijklmnopqrstuvwxyzæøœɐɑɒɔɕəɛɜɟɡɣɨɪɫɬɯɱɲɹɾʀʁʂʃʊʌʎʐʒʔʝβθχðŋçɥʋ"  # "_" is silence; all languages share them
CLASS = {symbol: chr(33 + index) for index, symbol in enumerate(SYMBOLS)}
UNKNOWN = " "


def symbols(ipa):
    """Of one phoneme: two for a diphthong or an affricate, without length, stress and the like."""
    return [letter for letter in ipa if letter in CLASS][:2]


def frame_labels(phonemes, stretch, shift, seconds):
    """`phonemes`: (start in seconds, IPA) in order, the last being silence; a time t is at t * stretch + shift in a sound
    of `seconds`."""
    starts = [start * stretch + shift for start, _ in phonemes]
    labels, current = [], -1
    for piece in range(int(seconds / PIECE)):
        middle = (piece + 0.5) * PIECE
        while current + 1 < len(starts) and starts[current + 1] <= middle:
            current += 1
        if current < 0 or not phonemes[current][1]:
            labels.append(CLASS["_"])
            continue
        heard = symbols(phonemes[current][1])
        end = starts[current + 1] if current + 1 < len(starts) else seconds
        second_half = middle - starts[current] > (end - starts[current]) / 2
        labels.append(CLASS[heard[-1 if second_half else 0]] if heard else UNKNOWN)
    return "".join(labels)
