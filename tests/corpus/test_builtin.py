"""The built-in corpus repeats, keeps its splits apart, and is correct in both languages.

Oracle: the finished text, checked with grammar tables of this file.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest
from rouge_score.rouge_scorer import RougeScorer

from mtnlg.corpus.builtin import corpus as synthetic
from mtnlg.corpus.builtin.corpus import SPLITS, Example, generate_examples, generate_rows, split_of
from mtnlg.corpus.builtin.templates import SENTENCES, Draft
from mtnlg.errors import ConfigError

KINDS = ("translation", "summarization", "dialogue")
NUM_ROWS = {"train": 5000, "validation": 300, "test": 500}
BASELINE_CEILING = 45.0
"""ROUGE-L that a system without learning must stay under, so that a board can show learning."""

_ENGLISH_NUMERALS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMERALS = dict(zip(_ENGLISH_NUMERALS, "两三四五六七八九十", strict=True))
NOUNS = """
apple apples 个 苹果; orange oranges 个 橙子; egg eggs 个 鸡蛋; banana bananas 根 香蕉
cake cakes 个 蛋糕; fish fish 条 鱼; dumpling dumplings 个 饺子; book books 本 书
dictionary dictionaries 本 词典; newspaper newspapers 份 报纸; map maps 张 地图
picture pictures 幅 画; shirt shirts 件 衬衫; coat coats 件 大衣; skirt skirts 条 裙子
scarf scarves 条 围巾; hat hats 顶 帽子; umbrella umbrellas 把 雨伞; knife knives 把 刀
pen pens 支 钢笔; watch watches 块 手表; phone phones 部 手机; camera cameras 台 相机
lamp lamps 盏 台灯; bag bags 个 包; cup cups 个 杯子; toy toys 个 玩具; cat cats 只 猫
dog dogs 只 狗; bird birds 只 鸟; rabbit rabbits 只 兔子; duck ducks 只 鸭子; pig pigs 头 猪
sheep sheep 只 羊; goat goats 只 山羊; horse horses 匹 马; cow cows 头 牛
doctor doctors 名 医生; teacher teachers 名 老师; nurse nurses 名 护士; driver drivers 名 司机
cook cooks 名 厨师; farmer farmers 名 农民; police-officer police-officers 名 警察
engineer engineers 名 工程师; singer singers 名 歌手; writer writers 名 作家
cup-of-tea cups-of-tea 杯 茶; cup-of-coffee cups-of-coffee 杯 咖啡
glass-of-milk glasses-of-milk 杯 牛奶; glass-of-juice glasses-of-juice 杯 果汁
bottle-of-wine bottles-of-wine 瓶 葡萄酒; bottle-of-beer bottles-of-beer 瓶 啤酒
"""
DICTIONARY = [
    [word.replace("-", " ") for word in entry.split()]
    for line in NOUNS.strip().splitlines()
    for entry in line.split("; ")
]
CLASSIFIERS = {chinese: classifier for _, _, classifier, chinese in DICTIONARY}
GOLDEN = {
    "translation": "bd57193becab3e559814e5ad93b7e76d2c1e4a44f02f967a54abf48f857960b4",
    "summarization": "21a6d3883a57bdca17b928782d9c0d69bdb8dba69852fd76a4974404bae7687c",
    "dialogue": "988094705d9af9d5652e9b1c28a65055a377b5bb24606bbe04b797f567d0c9ab",
}

GOLDEN_OF_ALL = {
    "translation": "70e6bf4366f87140c7c2d428e87f0ee98dcaab8051ff7a87f0e87f9d5665dc90",
    "summarization": "30b8bea76e93d75c0b3432a9e7fc9270d02dda3fc7bbbaf5b17b85ea5c0e5798",
    "dialogue": "dfaa82f5d4dc885f7c9e025e2448937077b7657d5f1d3ebe800ebebac7c296ba",
}


@cache
def corpus(kind: str, split: str, seed: int = 1) -> tuple[Example, ...]:
    return tuple(generate_examples(kind, split, num_rows=NUM_ROWS[split], seed=seed))


def rows(kind: str) -> Iterator[tuple[str, str]]:
    """Source and target of every split."""
    for split in SPLITS:
        for example in corpus(kind, split):
            yield example.row.source, example.row.references[0]


def english_texts() -> Iterator[str]:
    yield from (source for kind in KINDS for source, _ in rows(kind))
    yield from (target for kind in KINDS[1:] for _, target in rows(kind))


def words(text: str) -> list[str]:
    """The words of a text in lower case, without the possessive."""
    return [word.removesuffix("'s") for word in re.findall(r"[a-z']+", text.lower())]


def mean_rouge_l(pairs: list[tuple[str, str]]) -> float:
    """ROUGE-L F1 in 0 to 100, by the reference package."""
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    total = sum(float(scorer.score(target, guess)["rougeL"].fmeasure) for guess, target in pairs)
    return 100.0 * total / len(pairs)


@pytest.mark.parametrize("kind", KINDS)
def test_first_rows_keep_their_golden_hash(kind: str) -> None:
    records = [row.to_json() for row in generate_rows(kind, "train", num_rows=50)]

    text = json.dumps(records, ensure_ascii=False)

    assert hashlib.sha256(text.encode()).hexdigest() == GOLDEN[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_all_rows_of_two_seeds_keep_their_golden_hash(kind: str) -> None:
    """Oracle: the rows that were drawn when words and sentences stood in code."""
    digest = hashlib.sha256()
    for seed in (1, 2):
        for split in SPLITS:
            for example in corpus(kind, split, seed):
                record = [example.row.to_json(), example.combination]
                digest.update(json.dumps(record, ensure_ascii=False).encode())

    assert digest.hexdigest() == GOLDEN_OF_ALL[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_fewer_rows_are_a_prefix_of_more(kind: str) -> None:
    some = generate_rows(kind, "test", num_rows=17)

    assert some == [example.row for example in corpus(kind, "test")[:17]]


@pytest.mark.parametrize("kind", KINDS)
def test_another_seed_gives_other_rows(kind: str) -> None:
    rows = generate_rows(kind, "train", num_rows=5, seed=2)

    assert rows != generate_rows(kind, "train", num_rows=5, seed=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("split", SPLITS)
def test_rows_are_numbered_and_never_repeat_a_source(kind: str, split: str) -> None:
    made = [example.row for example in corpus(kind, split)]

    assert [row.id for row in made] == [f"{split}-{index}" for index in range(NUM_ROWS[split])]
    assert len({row.source for row in made}) == len(made)


@pytest.mark.parametrize("kind", KINDS)
def test_generation_of_all_training_rows_takes_under_three_seconds(kind: str) -> None:
    start = time.process_time()

    generate_rows(kind, "train", num_rows=5000, seed=3)

    assert time.process_time() - start < 3.0


def test_held_out_combinations_are_in_no_training_split_of_any_kind_or_seed() -> None:
    training = [corpus(kind, "train", seed) for kind in KINDS for seed in (1, 2)]
    trained = {example.combination for examples in training for example in examples}
    held_out = {
        split: {example.combination for kind in KINDS for example in corpus(kind, split)}
        for split in ("validation", "test")
    }

    assert not trained & (held_out["validation"] | held_out["test"])
    assert not held_out["validation"] & held_out["test"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("split", SPLITS)
def test_combination_is_named_by_the_text_and_owned_by_the_split(kind: str, split: str) -> None:
    """Oracle: the text has the stem of each filler, and so does the target if it is English."""
    for example in corpus(kind, split):
        row = example.row
        text = (row.source if kind == "translation" else row.references[0]).lower()
        for filler in example.combination:
            assert filler.lower().split()[-1][:3] in text, (filler, text)
        assert split_of(example.combination) == split


@pytest.mark.parametrize("kind", KINDS)
def test_held_out_texts_are_not_in_training_of_any_seed(kind: str) -> None:
    trained = {example.row.source for seed in (1, 2) for example in corpus(kind, "train", seed)}

    for split in ("validation", "test"):
        assert not trained & {example.row.source for example in corpus(kind, split)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_held_out_word_and_filler_is_in_training(kind: str) -> None:
    vocabularies: dict[str, set[str]] = {}
    fillers: dict[str, set[str]] = {}
    for split in SPLITS:
        texts = [f"{e.row.source} {e.row.references[0]}" for e in corpus(kind, split)]
        vocabularies[split] = {
            token for text in texts for token in re.findall(r"[A-Za-z']+|[^\x00-\x7f]", text)
        }
        fillers[split] = {key for example in corpus(kind, split) for key in example.combination}

    for split in ("validation", "test"):
        assert vocabularies[split] <= vocabularies["train"]
        assert fillers[split] <= fillers["train"]


@pytest.mark.parametrize("kind", KINDS)
def test_target_is_a_function_of_the_source(kind: str) -> None:
    """Over several seeds, a repeated source has the same target."""
    target_of: dict[str, str] = {}

    for seed in (1, 2, 4):
        for example in corpus(kind, "train", seed):
            target = example.row.references[0]
            assert target_of.setdefault(example.row.source, target) == target


def test_vocabulary_stays_small_enough_for_a_tiny_model() -> None:
    english = {word for text in english_texts() for word in words(text)}
    chinese = {character for _, target in rows("translation") for character in target}

    assert len(english) < 600
    assert len(chinese) < 400
    assert len(SENTENCES) >= 25


def test_chinese_has_only_chinese_characters_and_full_width_punctuation() -> None:
    for english, chinese in rows("translation"):
        assert re.fullmatch(r"[\u4e00-\u9fff，]+[。？]", chinese), chinese
        assert chinese.endswith("？") == english.endswith("?"), (english, chinese)


def test_chinese_two_is_never_er_as_a_count() -> None:
    for _, chinese in rows("translation"):
        assert "二" not in re.sub(r"星期二|十二|二十", "", chinese), chinese


def test_chinese_noun_has_its_own_measure_word() -> None:
    """Oracle: the table above, each of whose nouns must occur."""
    nouns = "|".join(sorted(CLASSIFIERS, key=len, reverse=True))
    counted = re.compile(rf"[一两三四五六七八九十几这那](.)(?:.色的)?({nouns})")
    met: set[str] = set()

    for _, chinese in rows("translation"):
        for classifier, noun in counted.findall(chinese):
            assert classifier == CLASSIFIERS[noun], chinese
            met.add(noun)

    assert met == set(CLASSIFIERS)


def test_english_count_and_noun_are_the_chinese_ones() -> None:
    """Oracle: the table above, applied to the English side."""
    num_checked = 0
    for _, plural, classifier, noun in DICTIONARY:
        for english, chinese in rows("translation"):
            for numeral in re.findall(rf"\b({'|'.join(NUMERALS)}) {plural}(?! of)\b", english):
                num_checked += 1
                assert f"{NUMERALS[numeral]}{classifier}{noun}" in chinese, (english, chinese)

    assert num_checked > 1000


def test_chinese_time_and_place_stand_before_the_verb() -> None:
    num_checked = 0
    for _, chinese in rows("translation"):
        if match := re.search(r"买了|喝了|吃了|看见了|丢了", chinese):
            num_checked += 1
            tail = chinese[match.end() :]
            assert not re.search(r"在|昨天|昨晚|上周|上个月|两天前|今天", tail), chinese

    assert num_checked > 500


@pytest.mark.parametrize(
    ("english_sign", "chinese_sign"),
    [
        (r" (is|was) \w+ing\b.*(now|\.)$", "正在"),
        (r"^(Has \w+|\w+ has( never)?) been to ", "去过"),
        (r" did not ", "没[^了]*。$"),
        (r" than ", "比"),
        (r"^Because ", "^因为.*，所以"),
        (r"^Although ", "^虽然.*，但是[他她]还是"),
        (r"^If ", "^如果.*，.*就"),
        (r"^It takes ", "^从.*到.*要"),
        (r"^It will ", "会"),
        (r" already ", "已经.*了"),
        (r" put the ", "把.*放在.*上了"),
        (r"^How much ", "多少钱"),
        (r"^How many ", "几"),
        (r"^Where ", "哪里"),
        (r"^What time ", "几点"),
        (r"^What (?!time)", "什么"),
        (r"^(Is|Has|Does|Will) ", "吗？$"),
        (r"^Please ", "^请"),
    ],
)
def test_english_and_chinese_show_the_same_grammar(english_sign: str, chinese_sign: str) -> None:
    chosen = [pair for pair in rows("translation") if re.search(english_sign, pair[0])]

    assert chosen
    for english, chinese in chosen:
        assert re.search(chinese_sign, chinese), (english, chinese)


def test_english_article_fits_the_next_word() -> None:
    for text in english_texts():
        for article, letter in re.findall(r"\b([Aa]n?) (\w)", text):
            assert (article.lower() == "an") == (letter in "aeiou"), text


def test_english_number_fits_noun_and_verb() -> None:
    """Oracle: the table above."""
    singular = "|".join(single for single, many, _, _ in DICTIONARY if single != many)
    wrong = re.compile(
        rf"\b({'|'.join(NUMERALS)}) ({singular})\b"
        rf"|\bThere (is|was) ({'|'.join(NUMERALS)})\b|\bThere (are|were) an?\b"
        rf"|\b(He|She|he|she) (are|were|have|go|sell)\b"
    )

    for text in english_texts():
        assert not wrong.search(text), text


def test_english_sentences_have_a_capital_an_end_and_no_template_field() -> None:
    for text in english_texts():
        for line in text.split("\n"):
            assert re.fullmatch(r"[A-Z][A-Za-z',.?! ]*[.?!]", line), line
            assert "  " not in line
            assert not re.search(r"[.?!] [a-z]", line), line


def test_reports_and_summaries_have_the_promised_lengths() -> None:
    lengths = []
    for report, summary in rows("summarization"):
        assert 4 <= len(re.findall(r"\.(?: |$)", report)) <= 6, report
        assert len(report.split()) <= 80
        lengths.append(len(summary.split()))

    assert max(lengths) <= 18
    assert 10 <= sum(lengths) / len(lengths) <= 15


def test_dialogues_and_responses_have_the_promised_lengths() -> None:
    for context, response in rows("dialogue"):
        assert 2 <= context.count("\n") + 1 <= 5
        assert len(context.split()) <= 50
        assert len(response.split()) <= 15


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        (
            "summarization",
            "bought for found that lost won saved from near the in opened and was first visitor "
            "went to left because of gave sold at on after became a an as were farm",
        ),
        (
            "dialogue",
            "a an here are your sorry we only have all right see you at on let us buy before is i "
            "put the opens thank will take to walk one ticket for look tell come that did not and "
            "from enjoy in greet costs comes",
        ),
    ],
)
def test_target_takes_names_numbers_and_times_from_the_source(kind: str, allowed: str) -> None:
    for source, target in rows(kind):
        assert set(words(target)) <= {*words(source), *allowed.split()}, (source, target)


@pytest.mark.parametrize(
    ("kind", "copied"), [("summarization", r"^.*?\."), ("dialogue", r"[^\n]*$")]
)
def test_first_sentence_or_last_turn_is_no_good_answer(kind: str, copied: str) -> None:
    pairs = []
    for example in corpus(kind, "test"):
        match = re.search(copied, example.row.source)
        assert match is not None
        pairs.append((match.group(), example.row.references[0]))

    assert mean_rouge_l(pairs) < BASELINE_CEILING


@pytest.mark.parametrize("kind", ["summarization", "dialogue"])
def test_most_frequent_training_target_is_no_good_answer(kind: str) -> None:
    targets = Counter(example.row.references[0] for example in corpus(kind, "train"))
    [(guess, _)] = targets.most_common(1)

    pairs = [(guess, example.row.references[0]) for example in corpus(kind, "test")]

    assert mean_rouge_l(pairs) < BASELINE_CEILING


@pytest.mark.parametrize("kind", KINDS)
def test_no_training_target_is_a_held_out_target(kind: str) -> None:
    """Retrieval of a training example is therefore never exactly right."""
    trained = {example.row.references[0] for example in corpus(kind, "train")}

    for split in ("validation", "test"):
        assert not trained & {example.row.references[0] for example in corpus(kind, split)}


@pytest.mark.parametrize(
    ("kind", "split", "num_rows", "complaint"),
    [
        ("poetry", "train", 3, "kind is 'poetry'; choose one of translation, summarization"),
        ("dialogue", "dev", 3, "split is 'dev'; choose one of train, validation, test"),
        ("dialogue", "test", 0, "num_rows is 0; ask for at least 1 row"),
    ],
)
def test_impossible_request_is_refused_by_name(
    kind: str, split: str, num_rows: int, complaint: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        generate_rows(kind, split, num_rows=num_rows)


def test_request_for_more_rows_than_there_are_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    lone = Draft("Anna has a cat.", "安娜有一只猫。", ("Anna", "cat"))
    monkeypatch.setattr(synthetic, "KINDS", {"lone": lambda dice: lone})

    with pytest.raises(ConfigError, match=r"num_rows is 2, but .* lone corpus has about 1 rows"):
        generate_rows("lone", split_of(lone.combination), num_rows=2)
