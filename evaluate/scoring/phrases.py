"""Words around an answer, in the languages that models are asked in: labels, articles, hedges, denial, retraction."""

import re

ARTICLES = re.compile(
    r"(?:the|an?|der|das|den|dem|eine?[nmr]?|le|la|les|une?|el|los|las|il|lo|gli|uno|una|het)\s+(?=\S)"
    r"|l['’](?=\w)|Die (?=[A-ZÄÖÜ])",
    re.I,
)
"""At the beginning of an answer. German `die` counts before a noun only, since it is an English verb."""
LABEL = re.compile(
    r"(?:(?:the|my|your|final|correct|right|predicted|short|overall)\s+)*"
    r"(?:answer|output|result|label|category|class|classification|sentiment|prediction|solution|response"
    r"|verdict|conclusion|translation|a"
    r"|antwort|stimmung|bewertung|sentimiento|sentimento|étiquette|etiqueta|lösung|ergebnis|kategorie|réponse"
    r"|résultat|catégorie|respuesta|resultado|categoría|risposta|resposta|antwoord|svar"
    r"|odpowiedź|cevap|yanıt|ответ|результат|категория|答案|最终答案|情感|情绪|标签|类别|感情|ラベル|カテゴリ|回答|结果|結果|分類|分类|答え|解答|정답"
    r"|답|답변|الجواب|الإجابة|الاجابة|उत्तर)"
    r"\s*[*_`]*\s*[:：=]\s*",
    re.I,
)
"""At the beginning of a line: what follows is the answer."""
LEAD_IN = re.compile(
    r"(?:sure|certainly|of course|okay|ok|alright|great question|good question)\s*[!,.:]\s+(?=\S)", re.I
)
CONCLUSION = re.compile(
    r"(?:(?:so|thus|hence|therefore|in conclusion|in summary|overall|finally|consequently|as a result|also"
    r"|daher|somit|folglich|donc|ainsi"
    r"|por lo tanto|por tanto|entonces|asi que|así que|quindi|dunque|portanto|dus|следовательно|итак|значит"
    r"|поэтому)\b,?\s*"
    r"|(?:所以|因此|综上所述|总之|よって|したがって|따라서|그러므로|لذلك)[,，、]?\s*)",
    re.I,
)
"""Before the last sentence of a chain of thought."""
FRAME = re.compile(
    r"(?P<subject>\S.*?|)\s*(?:"
    r"(?:(?<![\w'])(?:is|are|was|were|equals|would be|must be|has to be|ist|sind|lautet|est|sont|es|è|sono|é"
    r"|são|är|jest|является|это)(?!\w)"
    r"|['’]s(?!\w)|(?<=odpowiedź) to(?!\w))"
    r"(?:\s+(?:therefore|clearly|definitely|certainly|indeed|also|equal to))?"
    r"(?:\s+(?:classified|categori[sz]ed|labell?ed|considered|described)(?:\s+(?:as|to be))?)?"
    r"|(?<=\s)=(?=\s)|(?<=\w)\s+[—–](?=\s)|是|为|為"
    r")\s*[:：]?\s*(?P<answer>\S.*)",
    re.I | re.S,
)
"""A sentence that says the answer: "The capital of France is Paris"."""
FRAMES_BEHIND = (
    re.compile(r"(?P<subject>\S.*?)(?:は|が)\s*(?P<answer>\S+?)(?:です|だ|である|になります)"),
    re.compile(r"(?P<subject>\S.*?)(?:은|는|이|가)\s+(?P<answer>\S.*?)(?:입니다|이다|이에요|예요)"),
)
"""The same where the verb stands last."""
NOT_SAID = re.compile(
    r"(?<!\w)(?:not|no|never|neither|nor|none|nobody|nothing|cannot|without|isn|aren|wasn|if|whether|unless"
    r"|opposite|contrary|wrong|incorrect"
    r"|false|instead|unlike|den(?:y|ies|ied)|doubt(?:s|ed|ful)?|hardly|rarely|barely|pretends?|claims?|claimed|allegedly"
    r"|said|says|asks?|asked|wants?|expect(?:s|ed)?|examples?|first|second|third|other|another|alternatives?"
    r"|possible|options?|choices|one of|used to|far from|close|similar|as if|might|may|maybe|could|can|perhaps"
    r"|possibly|probably|likely|unlikely|presumably|guess|think|believe|assume|suppose"
    r"|suspect|seems?|appears?|sure|certain|unsure|either|or|who|which|what if|would|should|almost|nearly|about"
    r"|approximately|hope|wish"
    r"|nicht|kein|keine|keiner|nie|weder|ob|wenn|vielleicht|wahrscheinlich|möglicherweise|vermutlich|könnte"
    r"|oder|glaube|denke"
    r"|pas|jamais|ni|peut-être|probablement|pourrait|ou|si|pense|crois|no|nunca|tampoco|quizás?|tal vez"
    r"|probablemente|podría|puede|creo|pienso|o"
    r"|non|mai|forse|probabilmente|potrebbe|penso|credo|oppure|não|nem|talvez|provavelmente|pode|niet|geen"
    r"|misschien|waarschijnlijk"
    r"|не|ни|нет|если|ли|возможно|может|вероятно|наверное|или|думаю|ليس|لا|ربما|قد|أو)(?!\w)"
    r"|n't\b|不|非|没|沒|未|可能|也许|也許|或许|或許|大概|应该|應該|如果|是否|或|たぶん|多分|おそらく|かもしれ|もし|または|ない|아마|않|아니|또는",
    re.I,
)
"""In what stands before or around an answer: it is denied, hedged, asked or supposed."""
TAKES_BACK = re.compile(
    r"(?:^|[.!?…]\s+|\n\s*|[—–]\s*|[。！？])[\s*_(\"“-]*"
    r"(?:actually|wait|however|but|alternatively|on (?:second|the other)|correction|i mean|i meant|rather"
    r"|instead|sorry|oops|hmm|no[,.!]|or\b"
    r"|not\b|scratch that|let me re|although|though|that said|edit\b|update\b"
    r"|eigentlich|moment|aber|jedoch|allerdings|oder|korrektur|nein|en fait|mais|cependant|toutefois|ou\b"
    r"|attendez|en realidad|pero|sin embargo"
    r"|o\b|aunque|espera|in realtà|però|tuttavia|oppure|na verdade|mas\b|porém|maar|на самом деле|но\b|однако"
    r"|или|хотя|нет[,.]"
    r"|但|不过|不過|然而|其实|其實|等等|或者|不对|不對|でも|しかし|ただし|いや|または|하지만|그러나|아니|لكن|أو)"
    r"|(?:could|might|may|can) (?:also |just as well |as well |equally )?be\b|\bnot (?:entirely |completely "
    r"|fully |quite |totally |100% |so )?(?:sure|certain|clear)\b"
    r"|\b(?:unsure|uncertain|unclear|ambiguous|undecided|hard to (?:say|tell)|impossible to (?:say|tell|know)"
    r"|it depends|depending on|either way"
    r"|just (?:a guess|guessing|kidding)|(?:my|a) (?:best )?guess|(?:can't|cannot|can not) (?:say|tell"
    r"|determine|be sure|be certain|know)|mistake|misread"
    r"|i was wrong|(?:is|was|are|were|that's|it's) (?:wrong|incorrect|false|not (?:right|correct|true))"
    r"|would be (?:wrong|incorrect)|both)\b"
    r"|nicht sicher|unklar|könnte auch|pas s[uû]r|pourrait aussi|no estoy segur|podría ser|non sono sicur"
    r"|não tenho certeza|не уверен|может быть"
    r"|不确定|不確定|也可能|也许|可能是|错|分からない|わからない|かもしれ|확실하지",
    re.I,
)
"""In what follows an answer: it is taken back or hedged."""
NAMED_FIRST = re.compile(
    r"(?P<answer>\S.*?)\s+(?:is|ist|est|es|è|é)\s+(?:the|die|la|le|il|a)\s+(?:correct |right |final |best "
    r"|most likely |richtige |bonne )?"
    r"(?:answer|label|option|choice|category|class|result|antwort|réponse|respuesta|risposta|resposta)(?:\s+here)?",
    re.I,
)
"""A sentence that begins with the answer: "Paris is the correct answer"."""
GOES_ON = re.compile(
    r"^[\s#>*_-]*(?:input|question|q|review|text|message|sentence|passage|user|human|instruction|example"
    r"|problem|task|prompt|item|email|tweet"
    r"|eingabe|frage|beispiel|entrée|exemple|entrada|pregunta|ejemplo|ввод|вопрос|пример|输入|問題|问题|例"
    r"|入力)\s*#?\d*\s*[*_]*\s*[:：]",
    re.I | re.M,
)
"""A line at which a model without an end begins the next example."""
TAIL_NOT = re.compile(
    r"\s*(?:,|\band\b|\(|—|–)?\s*(?:\bnot\b|\brather than\b|\binstead of\b)\s+(?P<other>[^.,;]{1,40}?)\)?$", re.I
)
"""An answer with what it is not: "spam, not ham"."""
_YES_NO = (
    "yes no true false correct incorrect ja nein oui non sí si да нет sim não"
    " 是 否 对 不 是的 不是 はい いいえ 네 예 아니요 아니오 نعم لا"
)
YES_NO = frozenset(_YES_NO.split())
_MAGNITUDES = (
    "hundred thousand million billion trillion dozen dozens k mn bn tn m b percent-points half quarter third"
    " more less fewer over under plus minus"
    " or and to times point points off per am pm bc ad th st nd rd squared cubed pi not no never maybe"
    " approximately tausend millionen milliarden"
    " milliard mille mil millones тысяч тысячи миллионов 万 亿 億 千 百 兆 만 억 ish something odd x e i"
)
MAGNITUDES = frozenset(_MAGNITUDES.split())
"""After a number: another number, or no unit."""
UNITS: dict[str, str] = {
    spelling: unit
    for unit, spellings in {
        "km": "kilometer kilometers kilometre kilometres",
        "m": "meter meters metre metres",
        "cm": "centimeter centimeters centimetre centimetres",
        "mm": "millimeter millimeters millimetre millimetres",
        "mi": "mile miles",
        "ft": "foot feet",
        "kg": "kilogram kilograms kilo kilos",
        "g": "gram grams",
        "mg": "milligram milligrams",
        "l": "L liter liters litre litres",
        "ml": "mL milliliter milliliters millilitre millilitres",
        "h": "hr hrs hour hours",
        "min": "mins minute minutes",
        "s": "sec secs second seconds",
        "$": "dollar dollars USD",
        "€": "euro euros EUR",
        "£": "pound pounds GBP",
        "¥": "yen JPY",
        "%": "percent",
        "°c": "°C celsius",
        "°f": "°F fahrenheit",
        "km/h": "kmh kph",
    }.items()
    for spelling in spellings.split()
}
"""Spelling -> unit."""
