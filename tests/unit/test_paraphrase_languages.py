"""Paraphrases in the world's languages: good ones pass, and what changes the task is a hard failure."""

import pytest

from kshot.generate.curation.languages import find_foreign_language, identify_language
from kshot.generate.curation.paraphrase_checks import ParaphraseCandidate, find_hard_failure, find_soft_failure

GUIDELINE = """Decide whether a message to our support desk is a complaint. Read the whole message before you decide.

A message is a complaint if the customer says that something went wrong and expects us to do something about it. Anger
alone makes no complaint.

- Answer with complaint or other, and with nothing else.
- A question about opening hours is other, even if it sounds impatient.
- A cancellation without a reason is other."""
REWORDED = """Is this message to our support desk a complaint? Go through all of it before you judge.

It is a complaint where a customer reports that something failed and wants us to act. Being angry is not
enough for a complaint.

- The answer is complaint or other, without any further text.
- Whoever asks about opening hours gets other, however impatient the tone.
- Cancelling without giving a reason counts as other."""
ORIGINALS: dict[str, tuple[str, tuple[str, ...]]] = {
    "en": ("Decide whether the review is positive or negative.", ("positive", "negative")),
    "en_quoted": ("Write 'spam' if the message is an advert, otherwise write 'ham'.", ("spam", "ham")),
    "en_open": ("Write the plural form of the given noun.", ()),
    "guideline": (GUIDELINE, ("complaint", "other")),
    "de": ("Entscheide, ob die Bewertung positiv oder negativ ist.", ("positiv", "negativ")),
    "de_open": ("Fasse den folgenden Text in einem Satz zusammen.", ()),
    "fr": ("Indique si le message est « urgent » ou « normal ».", ("urgent", "normal")),
    "es": ("Clasifica el mensaje del cliente como queja, pregunta o elogio.", ("queja", "pregunta", "elogio")),
    "zh": ("判断这条评论的情感是积极还是消极。", ("积极", "消极")),
    "zh_open": ("把下面的句子改写成礼貌的说法。", ()),
    "ja": ("レビューが肯定的か否定的かを判断してください。", ("肯定的", "否定的")),
    "ar": ("حدد ما إذا كانت مراجعة المنتج إيجابية أو سلبية.", ("إيجابية", "سلبية")),
    "ru": ("Определи, является ли отзыв положительным или отрицательным.", ("положительным", "отрицательным")),
    "ko": ("이 리뷰가 긍정인지 부정인지 판단하세요.", ("긍정", "부정")),
    "hi": ("बताइए कि समीक्षा सकारात्मक है या नकारात्मक।", ("सकारात्मक", "नकारात्मक")),
}
GOOD = [
    ("en", "Is the review positive or negative?"),
    ("en", "Read the review, then say if it is negative or positive."),
    ("en", "Classify the sentiment of a customer's review. Possible answers: positive, negative."),
    ("en", "For each review, choose between positive and negative, and write only your choice."),
    ("en", "Sort the review into one of two groups:\n- positive\n- negative"),
    ("en_quoted", "Is this message an advert? Then the answer is 'spam'. If it is not, the answer is 'ham'."),
    ("en_quoted", "Label adverts as 'spam' and all other messages as 'ham'."),
    ("en_open", "What is the plural of this noun?"),
    ("en_open", "Given a noun, change it so that it stands for several."),
    ("guideline", REWORDED),
    ("de", "Ist die Bewertung positiv oder negativ?"),
    ("de", "Lies die Bewertung und ordne sie als negativ oder positiv ein."),
    ("de", "Stimmung der Bewertung: positiv oder negativ. Gib nur das passende Wort aus."),
    ("de_open", "Gib den Inhalt des Textes in einem einzigen Satz wieder."),
    ("de_open", "Schreibe eine Zusammenfassung des Textes, die nur einen Satz lang ist."),
    ("fr", "Ce message est-il « urgent » ou « normal » ?"),
    ("fr", "Choisis entre « normal » et « urgent » pour décrire le message."),
    ("es", "¿El mensaje del cliente es una queja, una pregunta o un elogio?"),
    ("es", "Lee lo que escribe el cliente y di si es queja, pregunta o elogio."),
    ("zh", "请阅读评论,然后回答它表达的是积极的还是消极的态度。"),
    ("zh", "这条评论是积极的吗?如果不是,请回答消极。"),
    ("zh_open", "请用更有礼貌的方式重新表达这句话。"),
    ("ja", "次のレビューは肯定的ですか、それとも否定的ですか。"),
    ("ja", "レビューを読み、肯定的または否定的と答えなさい。"),
    ("ar", "اقرأ مراجعة المنتج وقل هل هي إيجابية أم سلبية."),
    ("ar", "هل المراجعة التالية سلبية أو إيجابية؟"),
    ("ru", "Прочитай отзыв и скажи, можно ли назвать его положительным или отрицательным."),
    ("ru", "Каким является этот отзыв: положительным или отрицательным?"),
    ("ko", "리뷰를 읽고 긍정 또는 부정으로 답하세요."),
    ("hi", "समीक्षा पढ़ें और बताएं कि वह सकारात्मक है या नकारात्मक।"),
]
BAD = [
    ("en", "Is the review good or negative?", "lost a label: 'positive'"),
    ("en", "Decide whether the review is Positive or Negative.", "lost a label: 'positive'"),
    ("en", "Tell me if this review sounds Positive or Negative.", "lost a label"),
    ("en", "Decide if the review is positive.", "lost a label: 'negative'"),
    ("en", "Is the review positive, negative or neutral?", "added a label: 'neutral'"),
    ("en", "Say whether the review is neutral, positive, or negative, please.", "added a label: 'neutral'"),
    ("en", "Label the sentiment of the review: positive/negative/mixed", "added a label: 'mixed'"),
    ("en", "Sort the review into one of these groups:\n- positive\n- negative\n- neutral", "added a label: 'neutral'"),
    ("en", "Entscheide, ob diese Bewertung positive oder negative Gefühle zeigt.", "another language: 'de'"),
    ("en", "Sure! Is the review positive or negative?", "answer or comment"),
    ("en", "Here you go:\nIs the review positive or negative?", "answer or comment"),
    ("en_quoted", "Write 'spam' for adverts, 'ham' for friends and 'news' for newsletters.", "added a label: 'news'"),
    ("en_quoted", "Write 'junk' if the message is an advert, otherwise write 'ham'.", "lost a label: 'spam'"),
    ("en_open", "Schreibe die Mehrzahl des gegebenen Nomens auf.", "another language: 'de'"),
    ("guideline", "Judge whether a message to our support desk is a complaint or other.", "a part is missing"),
    ("guideline", GUIDELINE.rsplit("\n- A question", 1)[0], "a part is missing"),
    ("guideline", "\n".join(line for line in GUIDELINE.split("\n") if "opening" not in line), "copy|a part is missing"),
    ("de", "Ist die Bewertung positiv, negativ oder neutral?", "added a label: 'neutral'"),
    ("de", "Ist die Bewertung gut oder schlecht?", "lost a label: 'positiv'"),
    ("de", "Is the review in a positiv or a negativ mood overall?", "another language: 'en'"),
    ("de", "Klar, gerne! Ist die Bewertung positiv oder negativ?", "answer or comment"),
    ("de_open", "Hier ist die umformulierte Anweisung:\nFasse den Text kurz zusammen.", "answer or comment"),
    ("fr", "Ce message est-il « urgent », « normal » ou « faible » ?", "added a label: 'faible'"),
    ("es", "Clasifica el mensaje del cliente como queja, pregunta, elogio o spam.", "added a label: 'spam'"),
    ("es", "Clasifica el mensaje del cliente como queja o pregunta.", "lost a label: 'elogio'"),
    ("zh", "判断这条评论是积极、消极还是中性。", "added a label: '中性'"),
    ("zh", "这条评论是正面还是负面?", "lost a label: '积极'"),
    ("zh", "Decide whether this comment is 积极 or 消极 in its sentiment.", "another language: 'en'"),
    ("zh", "好的,以下是改写后的任务:判断评论是积极还是消极。", "answer or comment"),
    ("ja", "レビューは肯定的、否定的、または中立ですか。", "added a label: '中立"),
    ("ar", "هل المراجعة إيجابية أو سلبية أو محايدة؟", "added a label: 'محايدة'"),
    ("ar", "هل المراجعة جيدة أم سلبية؟", "lost a label: 'إيجابية'"),
    ("ru", "Скажи, хороший это отзыв или плохой.", "lost a label"),
    ("ko", "리뷰가 긍정, 부정 또는 중립인지 판단하세요.", "added a label: '중립"),
    ("en", "I'm sorry, but I can't help with rewriting this positive or negative task.", "refusal"),
    ("de", "Es tut mir leid, aber dabei kann ich nicht helfen: positiv oder negativ.", "refusal"),
]


def _candidate(name: str, text: str) -> ParaphraseCandidate:
    original, labels = ORIGINALS[name]
    return ParaphraseCandidate(text, original, {}, (), (original,), labels)


@pytest.mark.parametrize(("name", "text"), GOOD)
def test_a_good_paraphrase_has_no_hard_failure(name: str, text: str) -> None:
    assert find_hard_failure(_candidate(name, text)) is None


@pytest.mark.parametrize(("name", "text"), [row for row in GOOD if not row[0].startswith(("en", "guideline"))])
def test_wording_is_checked_in_english_only(name: str, text: str) -> None:
    assert find_soft_failure(_candidate(name, text)) is None


@pytest.mark.parametrize(("name", "text", "reason"), BAD)
def test_a_bad_paraphrase_is_a_hard_failure(name: str, text: str, reason: str) -> None:
    failure = find_hard_failure(_candidate(name, text))
    assert failure is not None
    assert failure.startswith(tuple(reason.split("|")))


@pytest.mark.parametrize("name", sorted(ORIGINALS))
def test_languages_are_identified(name: str) -> None:
    text, code = ORIGINALS[name][0], name[:2].replace("gu", "en")
    assert identify_language(text) == code
    assert find_foreign_language(text, [code]) is None
    assert find_foreign_language(text, ["fi"]) == code
