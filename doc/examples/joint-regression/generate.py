#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the records of two invented hospitals: generate.py DIRECTORY.

The same bytes every time: a fixed seed, and arithmetic that does not differ between machines.
"""

import pathlib
import random
import sys

HEADER = "age,bmi,systolic,glucose,smoker,readmitted"
HOSPITALS = (("hospital-a.csv", 1200, 61.0), ("hospital-b.csv", 800, 54.0))


def bell(rng: random.Random) -> float:
    """About normal, mean 0, deviation 1: a sum of twelve uniform numbers."""
    return sum(rng.random() for _ in range(12)) - 6.0


def logistic(z: float) -> float:
    """Accurate to 1e-4, from one division: no library function decides a patient's fate."""
    power = 1.0 - z / 1024.0
    for _ in range(10):
        power *= power
    return 1.0 / (1.0 + power)


def patient(rng: random.Random, mean_age: float) -> str:
    age = min(95, max(18, round(mean_age + 14 * bell(rng))))
    bmi = round(26.5 + 4.2 * bell(rng), 1)
    systolic = round(122 + 0.35 * (age - 55) + 13 * bell(rng))
    glucose = round(5.4 + 0.06 * (bmi - 26.5) + 0.8 * bell(rng), 1)
    smoker = int(rng.random() < 0.24)
    risk = -0.9 + 0.055 * (age - 57) + 0.08 * (bmi - 26.5) + 0.02 * (systolic - 122)
    risk += 0.55 * (glucose - 5.4) + 0.9 * smoker
    return f"{age},{bmi},{systolic},{glucose},{smoker},{int(rng.random() < logistic(risk))}"


def main() -> int:
    if len(sys.argv) != 2:
        print("usage: generate.py DIRECTORY", file=sys.stderr)
        return 2
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    rng = random.Random(20240229)
    for name, rows, mean_age in HOSPITALS:
        lines = [HEADER] + [patient(rng, mean_age) for _ in range(rows)]
        (target / name).write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
