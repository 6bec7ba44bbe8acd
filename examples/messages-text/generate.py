"""Write messages.csv: messages to a shop, made up by the rules below, always the same ones."""

import csv
import random
from pathlib import Path

OPENINGS = ["", "Hello, ", "Hi there, ", "Good morning, ", "Please help: ", "Once again: "]
THINGS = ["lamp", "bicycle", "coat", "kettle", "bookshelf", "tent", "pair of shoes"]
CLOSINGS = [
    "",
    " Thank you.",
    " Please answer soon.",
    " I am a customer of many years.",
    " Best, Kim",
]
SENTENCES = {
    "delivery": [
        "where is the {thing} that I ordered {days} days ago?",
        "the parcel with my {thing} has not arrived.",
        "tracking says delivered, but there is no {thing} at my door.",
        "can the courier bring the {thing} on Saturday instead?",
        "I have moved: send the {thing} to my new address.",
    ],
    "payment": [
        "I was charged twice for the {thing}.",
        "my card was refused when I paid for the {thing}.",
        "the invoice for the {thing} shows a wrong amount.",
        "when do I get the money back for the {thing}?",
        "can I pay for the {thing} in {days} instalments?",
    ],
    "fault": [
        "the {thing} broke after {days} days.",
        "a part of the {thing} is missing and it does not work.",
        "the {thing} has a crack and a scratch.",
        "my new {thing} makes a strange noise.",
        "the {thing} came in the wrong size, and damaged.",
    ],
}


def messages(count=240, seed=5):
    """Give as many pairs of text and topic."""
    chosen = random.Random(seed)
    for _ in range(count):
        topic = chosen.choice(sorted(SENTENCES))
        sentence = chosen.choice(SENTENCES[topic])
        sentence = sentence.format(thing=chosen.choice(THINGS), days=chosen.randint(2, 20))
        opening = chosen.choice(OPENINGS)
        if not opening:
            sentence = sentence[0].upper() + sentence[1:]
        yield opening + sentence + chosen.choice(CLOSINGS), topic


if __name__ == "__main__":
    with Path(__file__).with_name("messages.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["text", "topic"])
        writer.writerows(messages())
