"""A small world in English and Chinese: who lives there, what they own, where they go and when.

WORLD has the fillers of each kind of slot.
"""

from __future__ import annotations

from collections.abc import Mapping

from mtnlg.corpus.builtin.words import (
    COUNTS,
    NUMBERS,
    Filler,
    add_unit,
    count_nouns,
    fillers,
    make_activity,
    make_clocks,
    make_drink,
    make_noun,
    make_person,
    make_place,
    make_spans,
    make_transport,
    make_weather,
    make_word,
    select,
)

_PEOPLE = fillers(
    make_person,
    "Anna=安娜=she, Tom=汤姆=he, Lucy=露西=she, Jack=杰克=he, Mary=玛丽=she, David=大卫=he, "
    "Lily=莉莉=she, Peter=彼得=he, Emma=艾玛=she, Mike=迈克=he, Alice=爱丽丝=she, Sam=山姆=he, "
    "Helen=海伦=she, Paul=保罗=he, Julia=朱莉娅=she, John=约翰=he",
)

_FOODS = fillers(
    make_noun,
    "apple=个=苹果, orange=个=橙子, egg=个=鸡蛋, banana=根=香蕉, cake=个=蛋糕, fish=条=鱼=fish, "
    "dumpling=个=饺子",
)

_THINGS = fillers(
    make_noun,
    "book=本=书, dictionary=本=词典=dictionaries, newspaper=份=报纸, map=张=地图, picture=幅=画, "
    "shirt=件=衬衫, coat=件=大衣, skirt=条=裙子, scarf=条=围巾=scarves, hat=顶=帽子, "
    "umbrella=把=雨伞, knife=把=刀=knives, pen=支=钢笔, watch=块=手表=watches, phone=部=手机, "
    "camera=台=相机, lamp=盏=台灯, bag=个=包, cup=个=杯子, toy=个=玩具",
)

_ANIMALS = fillers(
    make_noun,
    "cat=只=猫, dog=只=狗, bird=只=鸟, rabbit=只=兔子, duck=只=鸭子, sheep=只=羊=sheep, "
    "goat=只=山羊, horse=匹=马, cow=头=牛, pig=头=猪",
)

_DRINKS = fillers(
    make_drink,
    "cup=tea=杯=茶, cup=coffee=杯=咖啡, glass=milk=杯=牛奶, glass=juice=杯=果汁, "
    "bottle=wine=瓶=葡萄酒, bottle=beer=瓶=啤酒",
)

_JOBS = fillers(
    make_noun,
    "doctor=名=医生, teacher=名=老师, nurse=名=护士, driver=名=司机, cook=名=厨师, "
    "farmer=名=农民, police officer=名=警察, engineer=名=工程师, singer=名=歌手, writer=名=作家",
)

_PLACES = fillers(
    make_place,
    "market=市场, supermarket=超市, shop=商店, station=车站, airport=机场, museum=博物馆, "
    "school=学校, hospital=医院, library=图书馆, park=公园, hotel=酒店, restaurant=饭馆, "
    "bank=银行, cinema=电影院, zoo=动物园, post office=邮局",
)

_WEATHER = fillers(
    make_weather,
    "rain=rains=rained=下雨=下雨了, snow=snows=snowed=下雪=下雪了, "
    "be sunny=is sunny=was sunny=是晴天=是晴天, be cloudy=is cloudy=was cloudy=是阴天=是阴天, "
    "be hot=is hot=was hot=很热=很热, be cold=is cold=was cold=很冷=很冷, "
    "be windy=is windy=was windy=刮风=刮风了",
)

_ACTIVITIES = fillers(
    make_activity,
    "read=reading=看书, draw=drawing=画画, sing=singing=唱歌, work=working=工作, "
    "rest=resting=休息, wait for a friend=waiting for a friend=等朋友, "
    "have lunch=having lunch=吃午饭, take photos=taking photos=拍照, "
    "listen to music=listening to music=听音乐, write a letter=writing a letter=写信, "
    "swim=swimming=游泳, dance=dancing=跳舞, cook=cooking=做饭, run=running=跑步, "
    "play chess=playing chess=下棋, play the piano=playing the piano=弹钢琴",
)

_TENS = fillers(
    make_word,
    "ten=十, twelve=十二, fifteen=十五, twenty=二十, thirty=三十, forty=四十, fifty=五十, "
    "sixty=六十, ninety=九十",
)

_MOODS = fillers(
    make_word,
    "tired=累, busy=忙, hungry=饿, thirsty=渴, sad=难过, nervous=紧张, happy=高兴, angry=生气",
)

_SIDES = fillers(make_word, "next to=旁边, behind=后面, in front of=前面")

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
    "yard": fillers(
        make_word,
        "the park=公园, the garden=花园, the yard=院子, the field=田, the zoo=动物园",
    ),
    "city": fillers(
        make_word,
        "Beijing=北京, Shanghai=上海, Guangzhou=广州, London=伦敦, Paris=巴黎, Tokyo=东京, "
        "Moscow=莫斯科, New York=纽约",
    ),
    "surface": fillers(make_word, "table=桌子, desk=书桌, bed=床, chair=椅子, sofa=沙发"),
    "color": fillers(
        make_word,
        "red=红色, blue=蓝色, green=绿色, black=黑色, white=白色, yellow=黄色",
    ),
    "side": (*_SIDES, *fillers(make_word, "under=下面")),
    "way": (*_SIDES, *fillers(make_word, "across from=对面")),
    "number": tuple(map(make_word, NUMBERS[1:], COUNTS[1:])),
    "few": tuple(map(make_word, NUMBERS[1:5], COUNTS[1:5])),
    "many": tuple(map(make_word, NUMBERS[5:], COUNTS[5:])),
    "price": tuple(add_unit(number, "yuan", "块钱") for number in _TENS),
    "fee": fillers(
        make_word,
        "two yuan=两块钱, three yuan=三块钱, five yuan=五块钱, six yuan=六块钱, eight yuan=八块钱",
    ),
    "minutes": tuple(add_unit(number, "minutes", "分钟") for number in _TENS),
    "years": make_spans("year", "年", "岁"),
    "days": make_spans("day", "天", "天")[1:],
    "times": fillers(make_word, "twice=两次, three times=三次, many times=很多次"),
    "clock": make_clocks(range(1, 13)),
    "early": make_clocks(range(1, 7)),
    "late": make_clocks(range(7, 13)),
    "dawn": make_clocks(range(5, 10)),
    "day": fillers(
        make_word,
        "Monday=星期一, Tuesday=星期二, Wednesday=星期三, Thursday=星期四, Friday=星期五, "
        "Saturday=星期六, Sunday=星期天",
    ),
    "past": fillers(
        make_word,
        "yesterday=昨天, yesterday morning=昨天上午, yesterday afternoon=昨天下午, "
        "last night=昨晚, this morning=今天早上, two days ago=两天前, last week=上周, "
        "last month=上个月",
    ),
    "daytime": fillers(
        make_word,
        "yesterday=昨天, yesterday morning=昨天上午, yesterday afternoon=昨天下午, "
        "two days ago=两天前",
    ),
    "future": fillers(
        make_word,
        "tomorrow=明天, tomorrow morning=明天上午, tomorrow afternoon=明天下午, "
        "the day after tomorrow=后天, next week=下周, next month=下个月",
    ),
    "coming": fillers(
        make_word,
        "tomorrow=明天, tomorrow morning=明天上午, tomorrow afternoon=明天下午, "
        "the day after tomorrow=后天",
    ),
    "weather": _WEATHER,
    "storm": fillers(
        make_word,
        "it rained=下雨, it snowed=下雪, it was too hot=天气太热, it was too cold=天气太冷, "
        "it was too windy=风太大",
    ),
    "vehicle": fillers(
        make_word,
        "by bus=坐公共汽车, by taxi=坐出租车, by subway=坐地铁, by bike=骑自行车, by car=开车, "
        "on foot=走路",
    ),
    "journey": fillers(make_word, "by train=坐火车, by plane=坐飞机"),
    "transport": fillers(make_transport, "train=火车=开, bus=公共汽车=开, plane=飞机=起飞"),
    "relative": fillers(
        make_word,
        "father=爸爸, mother=妈妈, older sister=姐姐, younger brother=弟弟",
    ),
    "mood": _MOODS,
    "trouble": select(_MOODS, "tired, busy, hungry, thirsty, sad, nervous"),
    "action": _ACTIVITIES[:10],
    "hobby": _ACTIVITIES[:3] + _ACTIVITIES[7:],
    "routine": fillers(
        make_word,
        "gets up=起床, has breakfast=吃早饭, goes out=出门, goes to work=去上班, "
        "goes for a run=去跑步",
    ),
    "taller": fillers(make_word, "taller=高, shorter=矮, thinner=瘦, busier=忙, older=大"),
    "cheaper": fillers(make_word, "cheaper=便宜, more expensive=贵, heavier=重"),
    "contest": fillers(
        make_word,
        "singing=唱歌, dancing=跳舞, swimming=游泳, cooking=做饭, drawing=画画, running=跑步, "
        "chess=下棋",
    ),
    "victim": fillers(
        make_noun,
        "small boy=个=小男孩, little girl=个=小女孩, young man=个=年轻人, "
        "old woman=位=老太太=old women, black dog=只=黑狗, white cat=只=白猫",
    ),
    "crowd": fillers(make_word, "twenty=二十, thirty=三十, forty=四十, fifty=五十, sixty=六十"),
    "cause": fillers(
        make_word,
        "an accident=事故, a fire=火灾, a strike=罢工, a broken door=坏了的门",
    ),
}
"""Kind of slot -> its fillers, drawn with equal chance."""
