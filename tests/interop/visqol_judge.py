"""Judges speech for the quality lab (tests/src/lab/visqol.rs): ViSQOL in its mode for speech, of Google's public code as the package
visqol-python has it. Its model of nets is left out: the likeness becomes a mean opinion score by the published polynomial.

Standard input: a line `NUMBER SAID.wav HEARD.wav` for each pair, 48 kHz, mono, 16 bits, lying beside each other already.
Standard output: `ready`, then for each of them `NUMBER SCORE` (1 to 5) or `NUMBER failed: WHY`. Ends with its input."""

import logging
import sys
import wave

import numpy as np
from scipy.signal import resample_poly
from visqol import VisqolApi

RATE = 16_000


def read(path):
    with wave.open(path) as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (48_000, 1, 2):
            raise ValueError(f"{path} is not 48 kHz, mono, 16 bits")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return resample_poly(samples / 32768.0, 1, 3)


def main():
    logging.disable(logging.WARNING)
    judge = VisqolApi()
    judge.create(mode="speech", use_lattice_model=False)
    # What it is made of is compiled at the first use.
    noise = np.random.default_rng(1).normal(0, 0.1, 3 * RATE) * np.repeat([1.0, 0.1, 1.0], RATE)
    judge.measure_from_arrays(noise, noise, RATE)
    print("ready", flush=True)
    for line in sys.stdin:
        number, said, heard = line.split()
        try:
            said, heard = read(said), read(heard)
            # Silence has no level that could be brought to that of what was said.
            score = judge.measure_from_arrays(said, heard, RATE).moslqo if np.any(heard) else 1.0
            print(number, f"{score:.4f}", flush=True)
        except Exception as error:  # one pair that cannot be judged is no reason to judge no other
            print(number, f"failed: {error}".replace("\n", " "), flush=True)


main()
