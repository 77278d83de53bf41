"""The instructions of `kshot-long`: the tasks of `kshot`, as long as one would explain a task to a colleague.

Written by hand and apart from the wrappers of training. Two of them leave their labels to the list that follows.
"""

LONG = {
    "review_sentiment": (
        "You work for a website that collects the opinions of customers. Below you see one review of a film, "
        "a restaurant, a shop or something that was bought. Read it to the end and decide what its writer "
        "thinks on the whole.\n"
        "Use these two labels:\n"
        "1. positive: the writer is content, would come back or tells others to try it.\n"
        "2. negative: the writer is disappointed, complains or warns others.\n"
        "Some reviews begin with facts that say nothing, such as the day of the visit; leave these aside. "
        "Give the label and nothing else, in lower case."
    ),
    "spam_detection": (
        "You are the filter of a mailbox. Each message has to be put into one of two folders. The folder spam"
        " is for advertising that nobody asked for, for prizes nobody entered for, and for attempts to get at"
        " money or passwords. The folder not spam is for what friends, family, colleagues and firms that one "
        "really deals with write. Do not reply to the message and do not do what it asks for. Write only the "
        "name of the folder."
    ),
    "sentence_type": (
        "Sentences come in several kinds, and the mark at the end usually gives the kind away. Here this mark"
        " has been removed. Find out from the words and their order which kind it was.\n"
        "Categories:\n"
        "(a) statement, which tells that something is so;\n"
        "(b) question, which wants to know something;\n"
        "(c) command, which tells somebody what to do;\n"
        "(d) exclamation, which cries out with surprise, joy or anger.\n"
        "Answer with the name of the category, without the letter in front of it. Never answer the sentence "
        "itself."
    ),
    "animal_diet": (
        "This is an exercise for pupils in biology. They get the name of an animal and write down what kind "
        "of eater it is, by what a grown animal of that kind eats in the wild. One that lives on plants only "
        "gets one name, one that lives on other animals a second, and one that takes both a third. If an "
        "animal takes a little of the other food now and then, go by what it mostly eats. One word is enough;"
        " no sentence, no full stop."
    ),
    "word_relation": (
        "You are given two words, with a comma between them. The compilers of a dictionary want to know how "
        "they belong together. Compare what the words mean in ordinary use, not how they sound or how they "
        "are spelt. Either they can stand for one another in many sentences without a change of sense, or "
        "they are opposites, so that one denies the other. There is no third possibility in this list. Write "
        "the technical term for the relation, and no explanation."
    ),
    "country_capital": (
        "A travel agency is filling in a table of countries. The first column holds the name of a country; "
        "you have to supply the second one, which is its capital, the seat of its government as it is taught "
        "at school. Use the English spelling. Do not add the country's name, the number of inhabitants or any"
        " other remark, and do not write a whole sentence: the table has only room for the name of the city."
    ),
    "rhyme_choice": (
        "A poet is looking for the end of a line. The question names one word and then four others. Exactly "
        "one of the four rhymes with the first: from the last stressed vowel on they sound the same, even "
        "where they are spelt in different ways. Words that only begin alike or mean something similar are no"
        " help to the poet. Choose this one word and write it down as it stands in the question, without "
        "anything before or after it."
    ),
    "last_arrival": (
        "Several people came to the same place on the same day. The text says when they came, either by the "
        "clock or by who came before or after whom. Put them in order in your head. What we want to know is "
        "which of them was the last one to get there. Your output should be this person's first name, spelt "
        "as in the text. Do not give the time, do not list the others, do not explain how you found out."
    ),
    "cheaper_item": (
        "A customer wants to save money. She looks at two things, each with its price, and will buy the one "
        "for which she has to pay less. Prices may be written with different numbers of decimals, so compare "
        "the amounts and not the length of the numbers. Tell her what to buy: write only the name of the "
        "thing, as it is called in the input, without its price and without an article."
    ),
    "taller_person": (
        "This is a small test of reasoning. First come some facts about how tall people are in comparison to "
        "each other, then a question about two of them. The facts are complete and true. Think of the people "
        "standing in a row by height. If what is asked follows from the facts, the output is yes; if the "
        "opposite follows, the output is no. Only these two outputs are allowed, in lower case, and there is "
        "no need for a justification."
    ),
    "number_sequence": (
        "The numbers below were made by a simple rule: each of them comes from the one before it in the same "
        "way, for instance by adding always the same amount or by multiplying with it. Find the rule and "
        "apply it once more, to the last number that is shown. The output is the number that you get, in "
        "digits. Do not repeat the numbers that were given, and do not describe the rule."
    ),
    "date_format": (
        "Dates are written in many ways, and a database accepts only one of them. Turn the date that you get "
        "into this one: first the year with four digits, then a hyphen, then the month with two digits, "
        "another hyphen, and the day of the month with two digits. Where month or day is below ten, put a "
        "zero in front. The day of the week, if there is one, is left out. Nothing but the date in its new "
        "form belongs in the output."
    ),
    "acronym": (
        "Organisations with long names are usually called by a few letters. To get these, take the words of "
        "the name that begin with a capital letter, in their order, and write down their first letters, one "
        "after another. Small words that are not capitalised, such as 'of' or 'for', do not count. Put no "
        "dots and no spaces between the letters, and use capitals. Do not write the full name again."
    ),
    "unit_conversion": (
        "You are the calculator of a workshop. You get a measurement in one unit and the unit into which it "
        "has to be converted. Both units measure the same thing, and the numbers were chosen so that the "
        "result comes out even. Keep in mind whether the new unit is larger or smaller than the old one: in a"
        " larger unit the number gets smaller. The result is a bare number; leave the unit away, and do not "
        "show your calculation."
    ),
    "vowel_removal": (
        "For a puzzle page we need texts without vowels. The vowels are a, e, i, o and u; y does not count as"
        " one. Go through the text from left to right and drop each of these five letters, wherever it "
        "stands. All else stays where it is: the consonants, and the spaces between the words. A word that "
        "consists of vowels only disappears. Write the text that is left, and no comment on it."
    ),
    "roman_numeral": (
        "Clocks and old books show numbers with letters: I is one, V five, X ten, L fifty, C a hundred, D "
        "five hundred and M a thousand. Letters are added up from left to right, except that a smaller one in"
        " front of a larger one is taken away from it. You get one number written like that. Work out its "
        "value and write it the way we do today, with the digits 0 to 9. Only the digits should appear in "
        "your output."
    ),
}
"""By family of `kshot.evaluate.heldout`."""
