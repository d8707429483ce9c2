"""Signalen's way of classifying, on rows that the evaluation gives: `peer.py ASKED SAID`.

ASKED: {"texts": {id: text}, "jobs": [{"name", "train": [[id, class]], "test": [id]}]}.
SAID: [{"name", "class_weight", "classes", "probabilities"}], a row of probabilities for each id of the test.

Settings as in Signalen's training: words stemmed, stop words out, counts of words and pairs of words, L2-normed term
frequencies without IDF, logistic regression with an L1 penalty by liblinear, class weights balanced or not as a search
over three folds chooses. Stemmer and stop words are Indonesian (PySastrawi). scikit-learn is the last version in
which liblinear tells many classes apart by itself.
"""

import json
import re
import sys
import warnings

from Sastrawi.Stemmer.StemmerFactory import StemmerFactory
from Sastrawi.StopWordRemover.StopWordRemoverFactory import StopWordRemoverFactory
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

# Stemmed stop words, and classes with fewer rows than folds: both are so in Signalen, too.
warnings.filterwarnings("ignore", category=UserWarning)


class Stems:
    """Text -> the stems of its words."""

    def __init__(self):
        self.stemmer = StemmerFactory().create_stemmer()
        self.known = {}

    def __call__(self, text):
        words = re.findall(r"\w+", text.lower())
        for word in words:
            if word not in self.known:
                self.known[word] = self.stemmer.stem(word)
        return " ".join(self.known[word] for word in words)


def trained(texts, classes, stop_words):
    pipeline = Pipeline([
        ("vect", CountVectorizer(stop_words=stop_words, ngram_range=(1, 2))),
        ("tfidf", TfidfTransformer(norm="l2", use_idf=False)),
        ("clf", LogisticRegression(penalty="l1", solver="liblinear", max_iter=500, random_state=1)),
    ])
    search = GridSearchCV(pipeline, {"clf__class_weight": (None, "balanced")}, cv=3)
    return search.fit(texts, classes)


def main(asked, said):
    with open(asked, encoding="utf-8") as file:
        todo = json.load(file)
    stem = Stems()
    stop_words = StopWordRemoverFactory().get_stop_words()
    texts = {key: stem(text) for key, text in todo["texts"].items()}
    answers = []
    for job in todo["jobs"]:
        rows = [(texts[key], label) for key, label in job["train"]]
        search = trained([text for text, _ in rows], [label for _, label in rows], stop_words)
        probabilities = search.predict_proba([texts[key] for key in job["test"]])
        answers.append({
            "name": job["name"],
            "class_weight": str(search.best_params_["clf__class_weight"]),
            "classes": [int(label) for label in search.classes_],
            "probabilities": [[round(float(p), 6) for p in row] for row in probabilities],
        })
    with open(said, "w", encoding="utf-8") as file:
        json.dump(answers, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
