"""Whether a Chinese text is in simplified or in traditional characters, by the most frequent
characters that only one of the two scripts has.

Refuses to know: how to convert them.
"""

from __future__ import annotations

SIMPLIFIED = (
    "这说们国会时来对发个过还学问间门见现实电车马鸟鱼东长书写买卖红绿"
    "爱儿开关让给认识谁话语读课该请谢谈论应当为务从众众难欢听银钱铁"
    "飞饭馆馆医药师帮带带张阳阴队际陆险随页题颜类风气经济结约级纪线组织细终"
)
TRADITIONAL = (
    "這說們國會時來對發個過還學問間門見現實電車馬鳥魚東長書寫買賣紅綠"
    "愛兒開關讓給認識誰話語讀課該請謝談論應當為務從眾衆難歡聽銀錢鐵"
    "飛飯館舘醫藥師幫帶帯張陽陰隊際陸險隨頁題顏類風氣經濟結約級紀線組織細終"
)
"""Pairs, place by place."""

ONLY_SIMPLIFIED = frozenset(SIMPLIFIED) - frozenset(TRADITIONAL)
ONLY_TRADITIONAL = frozenset(TRADITIONAL) - frozenset(SIMPLIFIED)


def script_of(text: str) -> str | None:
    """`simplified` or `traditional`, whichever more characters speak for; None where as many do."""
    num_simplified = sum(character in ONLY_SIMPLIFIED for character in text)
    num_traditional = sum(character in ONLY_TRADITIONAL for character in text)
    if num_simplified == num_traditional:
        return None
    return "simplified" if num_simplified > num_traditional else "traditional"
