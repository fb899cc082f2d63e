"""Train the intent model and write it as one int8 file, with its labels beside it.

Teachers learn from their own seeds; one student learns what they say together. The recipe is judged on the validation
part, by nets that never saw it. What is shipped then learns all questions by the same recipe, from the same seeds. A
test part is never read here: `ripieno evaluate` measures the file on it.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # sums in one order: the same bytes again

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from service_desk.lesson import Lesson, first_lesson, second_lesson
from service_desk.network import Floats, Net, Recipe, learn, softmax
from service_desk.questions import Questions, dense, read_questions, sparse
from service_desk.tflite import INPUT_TOP, to_int8

TEACHER = Recipe(buckets=4096, hidden=128, epochs=30, drop_features=0.4)
STUDENT = Recipe(buckets=4096, hidden=96, epochs=40, drop_features=0.2, drop_neurons=0.2)
TEACHERS = 4
# How often an intent was asked is how the questions were collected (35 to 187 times), not how customers ask: so much of
# the logarithm of its share is taken out of its logit.
SHARE_TAKEN_OUT = 0.75
SHARPNESSES = np.arange(0.8, 4.01, 0.05)
SOURCE = "BANKING77 train (Casanueva et al. 2020), CC BY 4.0"

Watch = Callable[[Net], str]  # says something of a net while it learns


def taught(
    questions: Questions, teacher: Recipe, student: Recipe, teachers: int, seed: int, watch: Watch | None = None
) -> Net:
    """Return the student of so many teachers, with the shares of the intents taken out."""
    first = first_lesson(questions, student.buckets, seed)
    trained = [_learned(first, teacher, seed * 100 + number, watch) for number in range(teachers)]
    second = second_lesson(first, trained, student.buckets)
    net = _learned(second, student, seed * 100 + 99, watch)
    shares = np.bincount(questions.intents, minlength=len(questions.labels)) / len(questions.intents)
    return replace(net, outward_bias=(net.outward_bias - SHARE_TAKEN_OUT * np.log(shares)).astype(np.float32))


def _learned(lesson: Lesson, recipe: Recipe, seed: int, watch: Watch | None) -> Net:
    began_s = time.monotonic()

    def tell(epoch: int, net: Net) -> None:
        if watch is not None and (epoch % 10 == 0 or epoch == recipe.epochs):
            print(f"seed {seed}, epoch {epoch}: {watch(net)}, {time.monotonic() - began_s:.0f} s", flush=True)

    return learn(len(lesson.known), lesson.examples(), lesson.targets.shape[2], recipe, seed, tell)


def features_of(questions: Questions, buckets: int) -> Floats:
    """Return the features of questions as they were asked, shape (n, buckets)."""
    return dense([sparse(words, buckets) for words in questions.words], buckets)


def accuracy(questions: Questions, scores: Floats) -> float:
    """Return the share of questions whose highest score is their intent's."""
    return float((scores.argmax(axis=1) == questions.intents).mean())


def balanced(questions: Questions, scores: Floats) -> float:
    """Return the mean over the intents of the share found of each."""
    right = scores.argmax(axis=1) == questions.intents
    return float(np.mean([right[questions.intents == one].mean() for one in np.unique(questions.intents)]))


def sharpest(questions: Questions, logits: Floats) -> float:
    """Return what logits must be multiplied by so that scores are likeliest as chances (temperature scaling)."""
    rows = np.arange(len(questions.intents))
    losses = [-np.log(softmax(logits * one)[rows, questions.intents]).mean() for one in SHARPNESSES]
    return round(float(SHARPNESSES[int(np.argmin(losses))]), 2)


def answers_of(model: bytes, features: Floats) -> Floats:
    """Return the int8 file's scores, shape (n, labels), as LiteRT computes them."""
    run = Interpreter(model_content=model, num_threads=1)
    run.allocate_tensors()
    taken, given = run.get_input_details()[0]["index"], run.get_output_details()[0]["index"]
    levels: NDArray[np.int8] = np.clip(np.rint(features / (INPUT_TOP / 255)) - 128, -128, 127).astype(np.int8)
    answers = []
    for row in levels:
        run.set_tensor(taken, row[None])
        run.invoke()
        answers.append(run.get_tensor(given)[0])
    return np.asarray((np.stack(answers).astype(np.float32) + 128) / 256, np.float32)


def main() -> None:
    """Read the arguments, train, write, say what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the train part of BANKING77, a CSV: text, category")
    parser.add_argument("--out", type=Path, required=True, help="the folder for intent.int8.tflite and labels.txt")
    parser.add_argument("--report", type=Path, help="a JSON file for the figures on the validation part")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()

    questions = read_questions(asked.data)
    rest, held_out = questions.part(of_validation=False), questions.part(of_validation=True)
    features = features_of(held_out, STUDENT.buckets)
    judged = taught(
        *(rest, TEACHER, STUDENT, TEACHERS, asked.seed),
        lambda net: f"validation {accuracy(held_out, net.logits(features)):.4f}",
    )
    logits = judged.logits(features)
    sharpness = sharpest(held_out, logits)
    quantised = answers_of(to_int8(judged, features_of(rest, STUDENT.buckets), sharpness, SOURCE), features)
    figures = {
        "questions": {"learned": len(rest.words), "validation": len(held_out.words)},
        "validation_accuracy": {"float": accuracy(held_out, logits), "int8": accuracy(held_out, quantised)},
        "validation_balanced": {"float": balanced(held_out, logits), "int8": balanced(held_out, quantised)},
        "same_label_int8_and_float": float((quantised.argmax(1) == logits.argmax(1)).mean()),
        "sharpness": sharpness,
    }
    print(json.dumps(figures, indent=1), flush=True)

    shipped = taught(questions, TEACHER, STUDENT, TEACHERS, asked.seed, lambda _: "all questions")
    model = to_int8(shipped, features_of(questions, STUDENT.buckets), sharpness, SOURCE)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "intent.int8.tflite").write_bytes(model)
    (asked.out / "labels.txt").write_text("\n".join(questions.labels) + "\n", encoding="utf-8")
    if asked.report:
        asked.report.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
