"""The datasets of reasoning-gym that kshot uses: their family, descriptions, settings and input.

A question of reasoning-gym states task and problem in one text. Here descriptions of our own state the task, and the
groups of `problem` match the rest of the question; they become the input, one line each.

kshot uses a dataset that states its task fully, is short, has one right answer in one form, and repeats for a seed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ReasoningGymDataset:
    """A dataset of reasoning-gym, as kshot uses it.

    Args:
        name: its name in reasoning-gym.
        category: a category of the shipped families.
        descriptions: at least three instructions of the task.
        anchors: what a paraphrase must keep, see `kshot.tasks.family.Family`.
        problem: a regular expression (`.` also matches a line end) whose groups are the problem of a question.
        family: the shipped family of the same subject; where it is empty, the dataset's name is the family's.
        settings: fields of its config that keep it short, easy and of one form.
    """

    name: str
    category: str
    descriptions: tuple[str, ...]
    anchors: tuple[tuple[str, ...], ...]
    problem: str
    family: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


# Names that tell a reader who is a man and who a woman.
_MEN = ("James", "John", "Robert", "Michael", "William", "David", "Richard", "Joseph", "Thomas", "Charles", "Daniel",
        "Matthew", "Andrew", "George", "Edward", "Henry", "Oliver", "Peter")  # fmt: skip
_WOMEN = ("Mary", "Patricia", "Jennifer", "Linda", "Elizabeth", "Barbara", "Susan", "Jessica", "Sarah", "Margaret",
          "Karen", "Lisa", "Emma", "Sophia", "Emily", "Hannah", "Laura", "Julia")  # fmt: skip
# Its texts do not state the direction of turns and mirrors; the other changes are plain.
_NO_TURNS = {f"w_{name}": -50 for name in ("rotate", "hmirror", "vmirror", "dmirror", "cmirror")}

_ARITHMETIC = (
    ReasoningGymDataset(
        "chain_sum",
        "arithmetic",
        (
            "Work out the sum.",
            "Add and subtract from left to right and write the result.",
            "What does this sum come to? Answer with the number only.",
        ),
        (("sum", "add"),),
        r": (.+) =$",
        "add_or_subtract",
        {"max_terms": 4, "max_digits": 3},
    ),
    ReasoningGymDataset(
        "decimal_chain_sum",
        "arithmetic",
        (
            "Work out the sum. Write as many decimal places as the number with the most of them has.",
            "Add and subtract these decimal numbers. The result has as many decimal places as the most exact of them.",
            "Give the result of the sum, with the decimal places of the number that has the most decimal places.",
        ),
        (("sum", "add"), ("decimal",)),
        r": (.+) =$",
        "add_or_subtract",
        {"max_terms": 3, "max_digits": 2, "max_decimal_places": 2},
    ),
    ReasoningGymDataset(
        "basic_arithmetic",
        "arithmetic",
        (
            "Calculate the value. What stands in brackets comes first, and * comes before + and -.",
            "Evaluate the expression (brackets first, then multiplication, then addition and subtraction).",
            "Which number does the expression give? Work out brackets first, and multiply before you add or subtract.",
        ),
        (("calculate", "evaluate", "work"), ("bracket",)),
        r"^Calculate (.+)\.$",
        settings={"max_terms": 4, "max_digits": 2, "operators": ("+", "-", "*")},
    ),
    ReasoningGymDataset(
        "products",
        "arithmetic",
        (
            "Multiply the numbers.",
            "Write the product of the numbers.",
            "What is the result of the multiplication? Answer with the number only.",
        ),
        (("multipl", "product"),),
        r"multiplication: (.+)\. Give",
        settings={"max_terms": 3, "max_digits": 2},
    ),
    ReasoningGymDataset(
        "gcd",
        "arithmetic",
        (
            "Write the greatest common divisor of the numbers.",
            "What is the largest whole number that divides all of these numbers without a remainder?",
            "Find the highest number by which each of the given numbers can be divided exactly.",
        ),
        (("divi",), ("greatest", "largest", "highest")),
        r"numbers: ([\d, ]+)\.",
        settings={"max_value": 200},
    ),
    ReasoningGymDataset(
        "lcm",
        "arithmetic",
        (
            "Write the least common multiple of the numbers.",
            "What is the smallest positive whole number that is a multiple of all of these numbers?",
            "Find the lowest number that each of the given numbers divides exactly: their common multiple.",
        ),
        (("multiple",), ("least", "smallest", "lowest")),
        r"numbers: ([\d, ]+)$",
        settings={"max_value": 50},
    ),
    ReasoningGymDataset(
        "fraction_simplification",
        "arithmetic",
        (
            "Simplify the fraction to its lowest terms.",
            "Divide both parts of the fraction by all that they have in common, and write it as a/b.",
            "Write the same fraction with the smallest possible whole numbers, in the form a/b.",
        ),
        (("fraction",), ("simpl", "lowest", "smallest", "common")),
        r"fraction (\S+) to",
        settings={"max_value": 30, "min_factor": 2, "max_factor": 12, "styles": ("plain",)},
    ),
    ReasoningGymDataset(
        "prime_factorization",
        "arithmetic",
        (
            "Write the number as a product of primes, the smallest first, with × between them.",
            "Factorise the number into primes. Example of the form: 2 × 2 × 3. A prime number stays as it is.",
            "Which primes, multiplied, give this number? List them in rising order with ' × ' between them.",
        ),
        (("prime",),),
        r"factorization of (\d+)\.",
        settings={"max_value": 1000},
    ),
    ReasoningGymDataset(
        "simple_equations",
        "arithmetic",
        (
            "Solve the equation and write the value of the unknown.",
            "Which number must the letter stand for so that the equation is true? Write the number only.",
            "Find the value of the letter in this equation.",
        ),
        (("equation",), ("solve", "number", "value")),
        r": (.+)$",
        settings={"max_value": 30, "max_terms": 3},
    ),
    ReasoningGymDataset(
        "simple_geometry",
        "arithmetic",
        (
            "Two angles of a triangle are given. Write the third in degrees, without a unit.",
            "The three angles of a triangle add up to 180°. Work out the missing angle; answer with the number only.",
            "How large is the remaining angle of the triangle with these two angles? Leave out the degree sign.",
        ),
        (("angle",), ("triangle",)),
        r"are: ([\d.°, ]+°)",
        settings={"min_sides": 3, "max_sides": 3, "max_angle": 85},
    ),
)

_LISTS = (
    ReasoningGymDataset(
        "number_filtering",
        "extraction",
        (
            "Keep or remove the numbers, as the input says, and write the new list in the same form.",
            "Do what the first line says with the list of numbers. Write what is left, in the same order and notation.",
            "Filter the list of numbers as stated; the answer is again a list, [] if nothing is left.",
        ),
        (("list",), ("number",)),
        r"^(.+)\nReturn",
        settings={"max_numbers": 6, "min_decimals": 0, "max_decimals": 0, "min_value": 1.0, "max_value": 99.0},
    ),
    ReasoningGymDataset(
        "number_sorting",
        "ordering",
        (
            "Sort the numbers in the order that is asked for. Write a list like ['1.5', '20.0', '31.0'].",
            "Put the numbers into the stated order, as a list in square brackets with each number in single quotes.",
            "Arrange these numbers as stated and answer in the form ['a', 'b', 'c'].",
        ),
        (("number",), ("sort", "order", "arrange")),
        r"^([^\n]+)",
        "sort_numbers",
        {"max_numbers": 5, "max_decimals": 1},
    ),
    ReasoningGymDataset(
        "spell_backward",
        "text_transformation",
        (
            "Spell the word backward.",
            "Write this word from its last letter to its first.",
            "Reverse the order of the word's letters.",
        ),
        (("word",), ("backward", "last", "reverse")),
        r"\): (\w+)$",
        "reverse_letters",
    ),
    ReasoningGymDataset(
        "word_sequence_reversal",
        "text_transformation",
        (
            "Reverse the list of words. Put a comma and a space between the words.",
            "Write the words from the last to the first, separated by commas.",
            "List the same words backwards, parted by commas: the last word comes first.",
        ),
        (("word",), ("revers", "last", "backward"), ("comma",)),
        r"words: (.+)$",
        "reverse_word_order",
        {"max_words": 6},
    ),
)

_STRUCTURES = (
    ReasoningGymDataset(
        "rotate_matrix",
        "structured_data",
        (
            "Rotate the square of numbers clockwise by the angle given. Write it in the same form.",
            "Turn the matrix clockwise as far as stated and write the result row by row.",
            "What does the grid look like after the stated clockwise rotation? Keep its form: a row on each line.",
        ),
        (("clockwise",),),
        r"(Rotate the matrix below .+)$",
        settings={"max_n": 3, "min_rotations": 1, "max_rotations": 3},
    ),
    ReasoningGymDataset(
        "spiral_matrix",
        "structured_data",
        (
            "List the numbers of the square in spiral order: clockwise from the top left corner, outside to inside.",
            "Walk along the top row to the right, down the right side, back along the bottom, up the left side, and so "
            "on in a spiral to the middle; write the numbers with spaces between them.",
            "Write the matrix as a row of numbers in clockwise spiral order, beginning at the top left.",
        ),
        (("spiral",), ("number",)),
        r"order\?\n(.+)$",
        settings={"max_n": 3},
    ),
    ReasoningGymDataset(
        "manipulate_matrix",
        "structured_data",
        (
            "Carry out the operations on the matrix, one after the other, and write the matrix that results.",
            "Change the grid of numbers as the operations below it say, in their order. Write a row on each line.",
            "What is left of the matrix after all the operations? Write the rows as in the input.",
        ),
        (("operation",), ("matrix", "grid")),
        r"(For the following matrix:\n.+?)\n\n(Perform the following series of operations in order:)\n[^\n]+\n(.+)$",
        settings={"max_rows": 3, "max_cols": 3, "max_transforms": 2, **_NO_TURNS},
    ),
    ReasoningGymDataset(
        "path_star",
        "structured_data",
        (
            "Each pair between bars is a link from its first number to its second. After the slash stand the start and "
            "the goal. Write all numbers on the path from start to goal, with spaces between them.",
            "Follow the links, such as |1 2 for 'from 1 to 2', from the first number after the slash to the second. "
            "Write the path, both ends included.",
            "Find the path through the graph: its edges come before the slash, start and goal after it. Answer with "
            "the numbers on the path, parted by single spaces.",
        ),
        (("path",), ("slash",)),
        r"task:\s+(\|.+?) =$",
        settings={"degree": 2, "node_range": 100, "min_path_length": 2, "max_path_length": 3},
    ),
    ReasoningGymDataset(
        "ab",
        "instruction_following",
        (
            "Rewrite the row of tokens until no rule fits any more: 'A# #A' and 'B# #B' vanish, 'A# #B' becomes "
            "'#B A#' and 'B# #A' becomes '#A B#'. Write what is left.",
            "Two neighbours whose # face each other are replaced: A# #A by nothing, B# #B by nothing, A# #B by #B A#, "
            "and B# #A by #A B#. Go on as long as there are such neighbours, and write the row at the end.",
            "Rules: A# #A -> nothing; B# #B -> nothing; A# #B -> #B A#; B# #A -> #A B#. Apply them to neighbouring "
            "tokens until none applies, and give the last row.",
        ),
        (("row",), ("nothing", "vanish")),
        r"program:\s+(\S.+?)\s+Return",
        settings={"length": 6},
    ),
)

_REASONING = (
    ReasoningGymDataset(
        "needle_haystack",
        "passage_qa",
        (
            "Answer the question with a name from the text.",
            "Who is asked for? The text says something about each person; write the right name only.",
            "Find the sentence that the question is about, and write the name in it.",
        ),
        (("name",),),
        r"^(.+?)\s*\n(Who .+?\?)",
        "who_has_what",
        {"min_num_statements": 3, "max_num_statements": 6},
    ),
    ReasoningGymDataset(
        "family_relationships",
        "inference",
        (
            "Say in one word how the two people are related.",
            "Read who is married to whom and who has which children. Name the relation in one word, such as aunt.",
            "Work out the relation that the question asks for, and write only that word.",
        ),
        (("relat",), ("word",)),
        r"^(.+?)\s*\n\n(.+?\?)",
        settings={"male_names": list(_MEN), "female_names": list(_WOMEN)},
    ),
    ReasoningGymDataset(
        "course_schedule",
        "inference",
        (
            "A pair (a, b) says that course b has to come before course a. Can all courses be taken? True or False.",
            "Answer False if some courses wait for one another in a circle, and True if there is an order in which all "
            "courses can be taken; (a, b) means that a needs b first.",
            "Each pair (a, b) means: take course b before course a. Write True if every course can be finished, or "
            "False if that is impossible.",
        ),
        (("course",), ("true",), ("false",)),
        r"(There are .+? labeled from 0 to \d+\.).+\n(\[.+\])",
        settings={"min_num_courses": 4, "max_num_courses": 5, "max_num_prerequisites": 1, "max_cycle_length": 3},
    ),
    ReasoningGymDataset(
        "syllogism",
        "inference",
        (
            "Does the last sentence follow from the two statements? Answer Yes or No, whatever the world is like.",
            "Take both statements as true. Write Yes if the conclusion must then be true as well, otherwise No.",
            "Judge by the statements alone: is the conclusion a must? Answer Yes or No.",
        ),
        (("statement",), ("yes",), ("no",)),
        r"(1\. .+)\n(2\. .+)\n\n(Does .+:)\n(.+\?)",
        "made_up_syllogism",
        {"allow_some": False, "allow_some_not": False, "inversion_probability": 0.0, "invalid_ratio": 0.5},
    ),
    ReasoningGymDataset(
        "knights_knaves",
        "inference",
        (
            "Some always tell the truth and others always lie. Say who is what, in a sentence like 'Ann is a knight, "
            "and Bob is a knave.', with the words and the order of the text.",
            "Work out who tells the truth and who lies. Answer like this, in the text's own words and order of names: "
            "'Ann is a knight, and Bob is a knave.'",
            "Which of the two speaks the truth, and which lies? One sentence in the form 'Ann is a knave, and Bob is a "
            "knight.', with the kinds that the text names.",
        ),
        (("truth",), ("lie", "liar")),
        r"^(.+?) \(Format",
        settings={"n_people": 2, "depth_constraint": 2, "width_constraint": 2},
    ),
)

TABLE: tuple[ReasoningGymDataset, ...] = (*_ARITHMETIC, *_LISTS, *_STRUCTURES, *_REASONING)
