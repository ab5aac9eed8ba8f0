"""A mind in River: samples are dicts, classes appear when they appear. Needs klopf[river].

python examples/river_mind.py
"""

from itertools import islice

from river import datasets, metrics, preprocessing

from klopf.mind.river import MindClassifier


def main() -> None:
    model = preprocessing.StandardScaler() | MindClassifier(hidden=(32,), seed=0)
    accuracy = metrics.Accuracy()
    for x, y in islice(datasets.ImageSegments(), 2310):
        accuracy.update(y, model.predict_one(x))
        model.learn_one(x, y)
    print(f"accuracy {accuracy.get():.3f} over 2310 image segments, each predicted before it was learned")


if __name__ == "__main__":
    main()
