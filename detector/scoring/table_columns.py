"""Lists the names by which tools call the columns of scores, labels and keys, in plain spelling."""

from __future__ import annotations

#: Pairs of columns with the probabilities of real and fake. Their ratio gives the margin, even if
#: one of the two is rounded to 1.
CLASS_PAIRS = (("prob_class_0", "prob_class_1"), ("prob_0", "prob_1"), ("prob_real", "prob_fake"))
CLASS_PAIRS += (("p_real", "p_fake"), ("real", "fake"), ("real_score", "fake_score"))
CLASS_PAIRS += (("score_real", "score_fake"), ("real_prob", "fake_prob"), ("p0", "p1"))
CLASS_PAIRS += (("probability_real", "probability_fake"), ("real_probability", "fake_probability"))
CLASS_PAIRS += (("probs_0", "probs_1"),)
#: Pairs of columns with the logits of real and fake, whose difference is the margin.
LOGIT_PAIRS = (("logit_0", "logit_1"), ("logits_0", "logits_1"), ("logit_real", "logit_fake"))
LOGIT_PAIRS += (("real_logit", "fake_logit"), *CLASS_PAIRS)
#: Column names that tools use for the probability of "fake", the most certain first.
PROBABILITY_COLUMNS = (
    *("p_fake", "prob_fake", "fake_prob", "probability_fake", "fake_probability", "prob_class_1"),
    *("prob_1", "p1", "probs_1", "fake_score", "score_fake", "fake", "probability", "prob"),
    *("video_p_fake", "video_prob", "video_score", "y_score", "y_prob", "pred_score", "pred_prob"),
    *("score", "scores", "p", "confidence"),
)
LOGIT_COLUMNS = ("margin", "logit", "logits", "logit_fake", "fake_logit", "logit_1", "logits_1")
#: Columns whose score may be that of the label in the same row, as classifiers print it.
OF_A_LABEL = frozenset({"probability", "prob", "score", "scores", "p", "confidence"})
LABEL_COLUMNS = (
    *("label", "prediction", "pred", "predicted_label", "class", "predicted_class", "predictions"),
    *("preds", "y_pred", "is_fake", "verdict", "decision", "result"),
)
REAL_WORDS = frozenset(
    {"real", "original", "genuine", "pristine", "authentic", "live", "bonafide", "false", "0"}
)
FAKE_WORDS = frozenset({"fake", "deepfake", "manipulated", "spoof", "forged", "true", "1"})
#: Words of a column whose numbers rise with "real": one of the first, one or none of the second.
REAL_CLASS = frozenset({"real", "genuine", "authentic", "authenticity", "bonafide", "pristine"})
GRADE = frozenset({"p", "prob", "probs", "proba", "probability", "score", "scores", "confidence"})
GRADE |= {"conf", "logit", "logits", "likelihood", "pred"}
#: Columns that name the class "fake", by its word or its number.
OF_FAKE = frozenset({"p_fake", "prob_class_1", "prob_1", "p1", "probs_1", "logit_1", "logits_1"})
#: Columns that hold the truth, not a decision; those of the last say 1 for real.
TRUTH_COLUMNS = ("labels", "y_true", "target", "ground_truth", "gt", "truth", "is_fake", "is_real")
#: Words of a header that say that its numbers are hundredths.
PERCENT = frozenset({"percent", "percentage", "pct", "perc"})
#: Column names that hold a score in some tools and a hard label in others.
EITHER_COLUMNS = ("pred", "prediction", "predictions", "preds", "y_pred", "label", "target")
EITHER_COLUMNS += ("fake", "is_fake")
SCORE_COLUMNS = tuple(dict.fromkeys((*PROBABILITY_COLUMNS, *LOGIT_COLUMNS, *EITHER_COLUMNS)))
#: Names of columns that may hold percent: scores, and the class "real" beside them.
GRADED = frozenset({*SCORE_COLUMNS, *(real for real, _ in LOGIT_PAIRS)})
KEY_COLUMNS = {
    "video_id": ("video_id", "videoid", "video"),
    "frame_number": ("frame_number", "frame"),
    "face_index": ("face_index", "face"),
    "sample_id": ("sample_id", "_id"),
    "filepath": (
        *("filepath", "file_path", "path", "files", "file", "filename", "file_name", "image_path"),
        *("img_path", "image", "img", "video_path", "frame_path", "name", "id"),
    ),
}
