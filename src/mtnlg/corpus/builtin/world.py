"""A small world in English and Chinese: who lives there, what they own, where they go and when.

WORLD has the fillers of each kind of slot.
"""

from __future__ import annotations

from collections.abc import Mapping

from mtnlg.corpus.builtin.words import (
    COUNTS,
    NUMBERS,
    Filler,
    count_nouns,
    make_activity,
    make_clock,
    make_drink,
    make_noun,
    make_person,
    make_place,
    make_plain,
    make_spans,
    make_transport,
    make_weather,
    select,
)

_PEOPLE = (
    make_person("Anna", "安娜", "she"),
    make_person("Tom", "汤姆", "he"),
    make_person("Lucy", "露西", "she"),
    make_person("Jack", "杰克", "he"),
    make_person("Mary", "玛丽", "she"),
    make_person("David", "大卫", "he"),
    make_person("Lily", "莉莉", "she"),
    make_person("Peter", "彼得", "he"),
    make_person("Emma", "艾玛", "she"),
    make_person("Mike", "迈克", "he"),
    make_person("Alice", "爱丽丝", "she"),
    make_person("Sam", "山姆", "he"),
    make_person("Helen", "海伦", "she"),
    make_person("Paul", "保罗", "he"),
    make_person("Julia", "朱莉娅", "she"),
    make_person("John", "约翰", "he"),
)

_FOODS = (
    make_noun("apple", "个", "苹果"),
    make_noun("orange", "个", "橙子"),
    make_noun("egg", "个", "鸡蛋"),
    make_noun("banana", "根", "香蕉"),
    make_noun("cake", "个", "蛋糕"),
    make_noun("fish", "条", "鱼", "fish"),
    make_noun("dumpling", "个", "饺子"),
)

_THINGS = (
    make_noun("book", "本", "书"),
    make_noun("dictionary", "本", "词典", "dictionaries"),
    make_noun("newspaper", "份", "报纸"),
    make_noun("map", "张", "地图"),
    make_noun("picture", "幅", "画"),
    make_noun("shirt", "件", "衬衫"),
    make_noun("coat", "件", "大衣"),
    make_noun("skirt", "条", "裙子"),
    make_noun("scarf", "条", "围巾", "scarves"),
    make_noun("hat", "顶", "帽子"),
    make_noun("umbrella", "把", "雨伞"),
    make_noun("knife", "把", "刀", "knives"),
    make_noun("pen", "支", "钢笔"),
    make_noun("watch", "块", "手表", "watches"),
    make_noun("phone", "部", "手机"),
    make_noun("camera", "台", "相机"),
    make_noun("lamp", "盏", "台灯"),
    make_noun("bag", "个", "包"),
    make_noun("cup", "个", "杯子"),
    make_noun("toy", "个", "玩具"),
)

_ANIMALS = (
    make_noun("cat", "只", "猫"),
    make_noun("dog", "只", "狗"),
    make_noun("bird", "只", "鸟"),
    make_noun("rabbit", "只", "兔子"),
    make_noun("duck", "只", "鸭子"),
    make_noun("sheep", "只", "羊", "sheep"),
    make_noun("goat", "只", "山羊"),
    make_noun("horse", "匹", "马"),
    make_noun("cow", "头", "牛"),
    make_noun("pig", "头", "猪"),
)

_DRINKS = (
    make_drink("cup", "tea", "杯", "茶"),
    make_drink("cup", "coffee", "杯", "咖啡"),
    make_drink("glass", "milk", "杯", "牛奶"),
    make_drink("glass", "juice", "杯", "果汁"),
    make_drink("bottle", "wine", "瓶", "葡萄酒"),
    make_drink("bottle", "beer", "瓶", "啤酒"),
)

_JOBS = (
    make_noun("doctor", "名", "医生"),
    make_noun("teacher", "名", "老师"),
    make_noun("nurse", "名", "护士"),
    make_noun("driver", "名", "司机"),
    make_noun("cook", "名", "厨师"),
    make_noun("farmer", "名", "农民"),
    make_noun("police officer", "名", "警察"),
    make_noun("engineer", "名", "工程师"),
    make_noun("singer", "名", "歌手"),
    make_noun("writer", "名", "作家"),
)

_PLACES = (
    make_place("market", "市场"),
    make_place("supermarket", "超市"),
    make_place("shop", "商店"),
    make_place("station", "车站"),
    make_place("airport", "机场"),
    make_place("museum", "博物馆"),
    make_place("school", "学校"),
    make_place("hospital", "医院"),
    make_place("library", "图书馆"),
    make_place("park", "公园"),
    make_place("hotel", "酒店"),
    make_place("restaurant", "饭馆"),
    make_place("bank", "银行"),
    make_place("cinema", "电影院"),
    make_place("zoo", "动物园"),
    make_place("post office", "邮局"),
)

_WEATHER = (
    make_weather("rain", "rains", "rained", "下雨", "下雨了"),
    make_weather("snow", "snows", "snowed", "下雪", "下雪了"),
    make_weather("be sunny", "is sunny", "was sunny", "是晴天", "是晴天"),
    make_weather("be cloudy", "is cloudy", "was cloudy", "是阴天", "是阴天"),
    make_weather("be hot", "is hot", "was hot", "很热", "很热"),
    make_weather("be cold", "is cold", "was cold", "很冷", "很冷"),
    make_weather("be windy", "is windy", "was windy", "刮风", "刮风了"),
)

_ACTIVITIES = (
    make_activity("read", "reading", "看书"),
    make_activity("draw", "drawing", "画画"),
    make_activity("sing", "singing", "唱歌"),
    make_activity("work", "working", "工作"),
    make_activity("rest", "resting", "休息"),
    make_activity("wait for a friend", "waiting for a friend", "等朋友"),
    make_activity("have lunch", "having lunch", "吃午饭"),
    make_activity("take photos", "taking photos", "拍照"),
    make_activity("listen to music", "listening to music", "听音乐"),
    make_activity("write a letter", "writing a letter", "写信"),
    make_activity("swim", "swimming", "游泳"),
    make_activity("dance", "dancing", "跳舞"),
    make_activity("cook", "cooking", "做饭"),
    make_activity("run", "running", "跑步"),
    make_activity("play chess", "playing chess", "下棋"),
    make_activity("play the piano", "playing the piano", "弹钢琴"),
)

_PRICES = (
    ("ten", "十"),
    ("twelve", "十二"),
    ("fifteen", "十五"),
    ("twenty", "二十"),
    ("thirty", "三十"),
    ("forty", "四十"),
    ("fifty", "五十"),
    ("sixty", "六十"),
    ("ninety", "九十"),
)

_MOODS = make_plain(
    ("tired", "累"),
    ("busy", "忙"),
    ("hungry", "饿"),
    ("thirsty", "渴"),
    ("sad", "难过"),
    ("nervous", "紧张"),
    ("happy", "高兴"),
    ("angry", "生气"),
)

_SIDES = make_plain(("next to", "旁边"), ("behind", "后面"), ("in front of", "前面"))

WORLD: Mapping[str, tuple[Filler, ...]] = {
    "person": _PEOPLE,
    "food": _FOODS,
    "foods": count_nouns(_FOODS, range(1, 6)),
    "thing": _THINGS,
    "things": count_nouns(_THINGS),
    "good": _FOODS + _THINGS,
    "goods": count_nouns(_FOODS + _THINGS),
    "supplies": count_nouns(_FOODS + _THINGS, range(2, 11)),
    "ware": select(
        _THINGS, "shirt, coat, skirt, scarf, hat, umbrella, pen, watch, phone, lamp, bag, cup"
    ),
    "animal": _ANIMALS,
    "animals": count_nouns(_ANIMALS),
    "pet": select(_ANIMALS, "cat, dog, bird, rabbit, duck"),
    "drink": _DRINKS,
    "drinks": count_nouns(_DRINKS, range(1, 6)),
    "job": _JOBS,
    "place": _PLACES,
    "shop": select(_PLACES, "market, supermarket, shop, station, airport, museum"),
    "yard": make_plain(
        ("the park", "公园"),
        ("the garden", "花园"),
        ("the yard", "院子"),
        ("the field", "田"),
        ("the zoo", "动物园"),
    ),
    "city": make_plain(
        ("Beijing", "北京"),
        ("Shanghai", "上海"),
        ("Guangzhou", "广州"),
        ("London", "伦敦"),
        ("Paris", "巴黎"),
        ("Tokyo", "东京"),
        ("Moscow", "莫斯科"),
        ("New York", "纽约"),
    ),
    "surface": make_plain(
        ("table", "桌子"), ("desk", "书桌"), ("bed", "床"), ("chair", "椅子"), ("sofa", "沙发")
    ),
    "color": make_plain(
        ("red", "红色"),
        ("blue", "蓝色"),
        ("green", "绿色"),
        ("black", "黑色"),
        ("white", "白色"),
        ("yellow", "黄色"),
    ),
    "side": (*_SIDES, *make_plain(("under", "下面"))),
    "way": (*_SIDES, *make_plain(("across from", "对面"))),
    "number": make_plain(*zip(NUMBERS[1:], COUNTS[1:], strict=True)),
    "few": make_plain(*zip(NUMBERS[1:5], COUNTS[1:5], strict=True)),
    "many": make_plain(*zip(NUMBERS[5:], COUNTS[5:], strict=True)),
    "price": make_plain(*((f"{word} yuan", f"{number}块钱") for word, number in _PRICES)),
    "fee": make_plain(
        ("two yuan", "两块钱"),
        ("three yuan", "三块钱"),
        ("five yuan", "五块钱"),
        ("six yuan", "六块钱"),
        ("eight yuan", "八块钱"),
    ),
    "minutes": make_plain(*((f"{word} minutes", f"{number}分钟") for word, number in _PRICES)),
    "years": make_spans("year", "年", "岁"),
    "days": make_spans("day", "天", "天")[1:],
    "times": make_plain(("twice", "两次"), ("three times", "三次"), ("many times", "很多次")),
    "clock": tuple(
        make_clock(hour, is_half=is_half) for hour in range(1, 13) for is_half in (False, True)
    ),
    "early": tuple(
        make_clock(hour, is_half=is_half) for hour in range(1, 7) for is_half in (False, True)
    ),
    "late": tuple(
        make_clock(hour, is_half=is_half) for hour in range(7, 13) for is_half in (False, True)
    ),
    "dawn": tuple(
        make_clock(hour, is_half=is_half) for hour in range(5, 10) for is_half in (False, True)
    ),
    "day": make_plain(
        ("Monday", "星期一"),
        ("Tuesday", "星期二"),
        ("Wednesday", "星期三"),
        ("Thursday", "星期四"),
        ("Friday", "星期五"),
        ("Saturday", "星期六"),
        ("Sunday", "星期天"),
    ),
    "past": make_plain(
        ("yesterday", "昨天"),
        ("yesterday morning", "昨天上午"),
        ("yesterday afternoon", "昨天下午"),
        ("last night", "昨晚"),
        ("this morning", "今天早上"),
        ("two days ago", "两天前"),
        ("last week", "上周"),
        ("last month", "上个月"),
    ),
    "daytime": make_plain(
        ("yesterday", "昨天"),
        ("yesterday morning", "昨天上午"),
        ("yesterday afternoon", "昨天下午"),
        ("two days ago", "两天前"),
    ),
    "future": make_plain(
        ("tomorrow", "明天"),
        ("tomorrow morning", "明天上午"),
        ("tomorrow afternoon", "明天下午"),
        ("the day after tomorrow", "后天"),
        ("next week", "下周"),
        ("next month", "下个月"),
    ),
    "coming": make_plain(
        ("tomorrow", "明天"),
        ("tomorrow morning", "明天上午"),
        ("tomorrow afternoon", "明天下午"),
        ("the day after tomorrow", "后天"),
    ),
    "weather": _WEATHER,
    "storm": make_plain(
        ("it rained", "下雨"),
        ("it snowed", "下雪"),
        ("it was too hot", "天气太热"),
        ("it was too cold", "天气太冷"),
        ("it was too windy", "风太大"),
    ),
    "vehicle": make_plain(
        ("by bus", "坐公共汽车"),
        ("by taxi", "坐出租车"),
        ("by subway", "坐地铁"),
        ("by bike", "骑自行车"),
        ("by car", "开车"),
        ("on foot", "走路"),
    ),
    "journey": make_plain(("by train", "坐火车"), ("by plane", "坐飞机")),
    "transport": (
        make_transport("train", "火车", "开"),
        make_transport("bus", "公共汽车", "开"),
        make_transport("plane", "飞机", "起飞"),
    ),
    "relative": make_plain(
        ("father", "爸爸"),
        ("mother", "妈妈"),
        ("older sister", "姐姐"),
        ("younger brother", "弟弟"),
    ),
    "mood": _MOODS,
    "trouble": select(_MOODS, "tired, busy, hungry, thirsty, sad, nervous"),
    "action": _ACTIVITIES[:10],
    "hobby": _ACTIVITIES[:3] + _ACTIVITIES[7:],
    "routine": make_plain(
        ("gets up", "起床"),
        ("has breakfast", "吃早饭"),
        ("goes out", "出门"),
        ("goes to work", "去上班"),
        ("goes for a run", "去跑步"),
    ),
    "taller": make_plain(
        ("taller", "高"), ("shorter", "矮"), ("thinner", "瘦"), ("busier", "忙"), ("older", "大")
    ),
    "cheaper": make_plain(("cheaper", "便宜"), ("more expensive", "贵"), ("heavier", "重")),
    "contest": make_plain(
        ("singing", "唱歌"),
        ("dancing", "跳舞"),
        ("swimming", "游泳"),
        ("cooking", "做饭"),
        ("drawing", "画画"),
        ("running", "跑步"),
        ("chess", "下棋"),
    ),
    "victim": (
        make_noun("small boy", "个", "小男孩"),
        make_noun("little girl", "个", "小女孩"),
        make_noun("young man", "个", "年轻人"),
        make_noun("old woman", "位", "老太太", "old women"),
        make_noun("black dog", "只", "黑狗"),
        make_noun("white cat", "只", "白猫"),
    ),
    "crowd": make_plain(
        ("twenty", "二十"),
        ("thirty", "三十"),
        ("forty", "四十"),
        ("fifty", "五十"),
        ("sixty", "六十"),
    ),
    "cause": make_plain(
        ("an accident", "事故"),
        ("a fire", "火灾"),
        ("a strike", "罢工"),
        ("a broken door", "坏了的门"),
    ),
}
"""Kind of slot -> its fillers, drawn with equal chance."""
