# ArmedMusic говорит по-русски. Аргументы уже экранированы для HTML.

## Команды

start-private =
    🎵 <b>Привет, { $name }!</b>
    Я включаю музыку в голосовых чатах групп.

    Добавь меня в группу, начни голосовой чат и отправь <code>/play песня</code>.
    /help покажет всё, что я умею.
start-group =
    🎵 Я здесь. Отправь <code>/play песня</code>, и она зазвучит в голосовом чате.
help =
    🎵 <b>Что я умею</b>

    <code>/play</code> слова, ссылка или ответ на аудиофайл: включить или поставить в очередь
    <code>/pause</code> · <code>/resume</code>: придержать музыку, продолжить
    <code>/skip</code>: следующий трек
    <code>/stop</code>: закончить и выйти из голосового чата
    <code>/queue</code>: что звучит и что дальше
    <code>/search</code> слова: выбрать из пяти находок
    <code>/why</code>: что пошло не так в последний раз
    <code>/stats</code>: как идёт музыка
    <code>/ping</code>: проверка связи

    Заказывать музыку может каждый. { $controls ->
        [everyone] Управлять ею тоже.
       *[admins] Управляют администраторы; свой трек может пропустить тот, кто его заказал.
    }
only-in-groups = 🎧 Музыка звучит в группах. Добавь меня в группу, начни голосовой чат и отправь там <code>/play</code>.
ping = 🏓 На месте. Работаю { $uptime }.

command-play = Включить песню, ссылку или файл из ответа
command-pause = Придержать музыку
command-resume = Продолжить
command-skip = Следующий трек
command-stop = Закончить
command-queue = Что звучит и что ждёт
command-search = Найти и выбрать
command-why = Что пошло не так
command-stats = Как идёт музыка
command-ping = Проверка связи
command-help = Что я умею

## Что звучит

searching = 🔎 Ищу…
queued =
    ✅ <b>{ $title }</b>{ $duration ->
        [none] { "" }
       *[other] { " " }· { $duration }
    }
    Номер { $place } в очереди, заказ: { $name }
not-kept = ⚠️ Сейчас не получается сохранить очередь: перезапуск её забудет.
left-out = ⚠️ { $tracks ->
        [one] Ещё { $tracks } трек не поместился
        [few] Ещё { $tracks } трека не поместились
       *[other] Ещё { $tracks } треков не поместились
    } в очередь.
earlier-back = 📜 Прежняя очередь вернулась, после заказанного с тех пор: { $tracks ->
        [one] { $tracks } трек
        [few] { $tracks } трека
       *[other] { $tracks } треков
    }.
now-playing = ▶️ <b>Сейчас играет</b>
now-paused = ⏸ <b>Пауза</b>
ended-line = ⏹ <b>Отыграло</b>
skipped-line = ⏭ <b>Пропущено</b>
stopped-line = ⏹ <b>Остановлено</b>
requested-by = 👤 { $name }
waiting = 📜 { $tracks ->
        [one] Ждёт { $tracks } трек
        [few] Ждут { $tracks } трека
       *[other] Ждут { $tracks } треков
    }
finished = 🎶 Это был последний трек. Ещё музыки: <code>/play</code>.
paused = ⏸ Пауза: { $name }.
resumed = ▶️ { $name } включает дальше.
skipped = ⏭ { $name } пропускает <b>{ $title }</b>.
skipped-search = ⏭ { $name } отменяет поиск.
stopped = ⏹ { $name } останавливает музыку.{ $dropped ->
        [0] { "" }
        [one] { " " }Из очереди убран { $dropped } трек.
        [few] { " " }Из очереди убрано { $dropped } трека.
       *[other] { " " }Из очереди убрано { $dropped } треков.
    }
queue-empty = 📜 Ничего не играет и не ждёт. Отправь <code>/play</code> и название песни.
queue-now = ▶️ <b>{ $title }</b> · { $position } / { $duration } · { $name }
queue-now-paused = ⏸ <b>{ $title }</b> · { $position } / { $duration } · { $name }
queue-next = { $place }. { $title } · { $name }
queue-looking = 🔎 ещё ищу
queue-more = … и ещё { $tracks }
live = эфир

## Ответы на управление

done-paused = Пауза
done-resumed = Играет
done-skipped = Пропущено
done-stopped = Остановлено
nothing-playing = 🔇 Ничего не играет. Отправь <code>/play</code> и название песни.
already-paused = ⏸ Уже пауза. Продолжить: <code>/resume</code>.
not-paused = ▶️ Уже играет. Придержать: <code>/pause</code>.
forbidden = 🔒 Это могут только администраторы. Свой трек может пропустить тот, кто его заказал.
stale = Эта кнопка от прошлого трека.
too-late = ⏳ Вы просили { $ago } назад, меня не было на месте, и я этого не сделал. Если ещё нужно, попросите снова.
forged = Это не моя кнопка.

## Голосовой чат

call-held = ⏳ { $reason } Музыка подождёт и продолжится с того же места.
call-restored = 🔊 Связь вернулась, музыка продолжается.
call-ended = ⏳ Голосовой чат закончился. { $minutes ->
        [0] Начните новый и отправьте <code>/play</code> ещё раз.
        [one] Начните новый в течение { $minutes } минуты, и музыка продолжится с того же места.
       *[other] Начните новый в течение { $minutes } минут, и музыка продолжится с того же места.
    }
assistant-changed = 🔁 Вместо прежнего ассистента играет другой.
revived = 🔁 Простите, сбой. Музыка продолжается с { $position }.
call-failed = ⚠️ { $reason }{ $dropped ->
        [0] { "" }
        [one] { " " }Из очереди убран { $dropped } трек.
        [few] { " " }Из очереди убрано { $dropped } трека.
       *[other] { " " }Из очереди убрано { $dropped } треков.
    }
track-failed = ⚠️ <b>{ $title }</b>: { $reason }

## Причины, и у каждой есть выход

reason-not-found = Ничего не нашлось. Попробуй другие слова или ссылку.
reason-nothing-asked = Скажи, что включить: <code>/play песня</code>, ссылка или ответ <code>/play</code> на аудиофайл.
reason-not-audio = По этой ссылке нет аудио. Нужна прямая ссылка на аудиофайл.
reason-unsupported = Такое аудио я не читаю. Подойдут MP3, M4A, FLAC, Ogg и WebM.
reason-corrupt = Файл повреждён и не играет. Попробуй другую копию.
reason-empty = В нём нет звука. Попробуй другой файл.
reason-preview = Там дают только короткий отрывок. Попробуй другую ссылку.
reason-too-large = Файл слишком большой. Попробуй поменьше.
reason-too-long = Трек длиннее, чем здесь можно. Попробуй покороче.
reason-live-off = Прямые эфиры здесь не играют. Попробуй трек, у которого есть конец.
reason-explicit-off = Треки с ненормативной лексикой здесь не играют. Попробуй другую версию.
reason-message-hidden = Это сообщение мне не прочитать: в том чате нет меня или тебя. Перешли аудио сюда и ответь на него <code>/play</code>.
reason-bad-url = Я открываю только обычные ссылки http и https. Проверь ссылку.
reason-private-address = Ссылка ведёт на частный адрес, такие я не открываю. Пришли общедоступную.
reason-unreachable = Там, где эта музыка, не отвечают. Попробуй позже или другую ссылку.
reason-timeout = Там, где эта музыка, отвечают слишком медленно. Попробуй позже или другую ссылку.
reason-service-refused = Там, где эта музыка, её не отдали. Попробуй другую ссылку.
reason-queue-full = Очередь полна. Подожди, пока трек отыграет, или попроси администратора пропустить.
reason-no-voice-chat = Голосовой чат не начат. Начни его и отправь <code>/play</code> ещё раз, или дай помощнику право управлять голосовыми чатами.
reason-call-ended = Голосовой чат закончился. Начни новый и отправь <code>/play</code> ещё раз.
reason-force-muted = Администратор выключил помощнику микрофон. Включи его в голосовом чате.
reason-broadcast-only = Это прямой эфир, в него нельзя включить музыку. Начни обычный голосовой чат.
reason-conference = Это зашифрованная конференция, боты там не играют. Начни обычный голосовой чат.
reason-joined-elsewhere = Аккаунт помощника вошёл в голосовой чат из другого места. Отправь <code>/play</code> ещё раз, когда он освободится.
reason-call-unreachable = Голосовой сервер Telegram не отвечает.
reason-not-allowed = У меня нет на это права. Его может дать администратор.
reason-no-assistant = Сейчас нет свободного помощника. Попробуй через минуту.
reason-assistant-not-in = Помощника нет в этой группе, и войти он не смог. Добавь его или дай мне право приглашать.
reason-assistant-banned = Помощник здесь заблокирован. Разблокируй его и отправь <code>/play</code> ещё раз.
reason-assistant-awaits-approval = Помощник попросился в группу. Одобри заявку и отправь <code>/play</code> ещё раз.
reason-too-many-channels = Помощник состоит в слишком многих группах. Попробуй позже.
reason-account-lost = Аккаунт помощника вышел из Telegram. Владельцу бота нужно войти заново.
reason-flood = Telegram просит не спешить. Попробуй через минуту.
reason-telegram-unreachable = Telegram не отвечает. Попробуй через минуту.
reason-unreadable = Telegram ответил то, чего я ещё не понимаю. Попробуй через минуту.
reason-stopping = Я перезапускаюсь. Попробуй через минуту.
reason-internal = Что-то сломалось у меня. Попробуй ещё раз; владелец увидит это в журнале.

## Для владельцев

alert-parked = 🛑 <code>{ $path }</code> остановлен и больше не запускается: { $detail }
alert-critical = ⚠️ <code>{ $path }</code> упал { $detail } раз подряд, попытки продолжаются.
alert-stuck = ⚠️ <code>{ $path }</code> снят и не завершается; перезапусти службу, когда будет удобно.

## /stats

stats-sound = { $quality ->
        [good] 🔊 Звук в порядке.
        [fair] 🔉 В звуке были короткие пропуски.
        [poor] 🔈 В звуке много пропусков: не успевает сеть или сам сервер.
       *[none] 🔇 Сейчас не в голосовом чате.
    }
stats-stranger = 📊 Здесь видно, как идёт музыка в группе. Отправь <code>/stats</code> в группе, где я играю.
stats-elsewhere = 🔧 Полная картина только для операторов: отправь мне <code>/stats</code> в личку.
stats-forbidden = 🔒 Это могут смотреть только операторы.
stats-head = 📊 <b>ArmedMusic { $version }</b> · работает { $uptime }
stats-chats = 🎧 Играет: { $playing }, на паузе: { $paused }, всего { $chats ->
        [one] { $chats } чат
        [few] { $chats } чата
       *[other] { $chats } чатов
    }
stats-sessions = 🔑 Сессий в сети: { $ready } из { $sessions }
stats-process = 💾 { $memory } МиБ · ♻️ { $restarts ->
        [one] { $restarts } перезапуск
        [few] { $restarts } перезапуска
       *[other] { $restarts } перезапусков
    }
stats-engine = ⏱ Звуковых часов: { $clocks }, опоздание не больше { $late } мс
stats-cache = 🗄 Кэш: треков { $entries }, { $mib } из { $mib_max } МиБ · найдено { $hits }, не найдено { $misses }, не записано { $given_up }, повреждено { $damaged }
stats-store = 💾 Хранилище: { $engine }, записей { $commits } за { $p50 }/{ $p99 } мс, не удалось { $failed }, ждут MongoDB { $outbox }, { $mib } МиБ, отложено повреждённых { $quarantined }
stats-store-unwell = ⚠️ { $why }
stats-well = ✅ Все здоровы.
stats-unwell = ⚠️ <b>Нездоровы: { $actors }</b>
stats-services = 🌐 <b>Сервисы</b>: ответы, обычное время, победы
stats-service = <code>{ $name }</code> { $share } % · { $p50 }/{ $p95 } мс · 🏆 { $wins }
stats-tree =
    🌳 <b>Все</b>: жизнь/перезапуски, ✉ ждут/больше всего
    🔊 кадров отправлено + тишины − пропущено
stats-line = потеряно { $dropped }, туда и обратно { $round_trip } мс, слышно { $silent } мс назад
stats-reception = потеряно в пути { $lost } % (недавно { $lately } %), разброс { $jitter } мс
stats-error = { $ago } назад: { $error }
stats-retry = снова через { $wait }
stats-page = Страница { $page } из { $pages }
stats-ready = работает
stats-waiting = ждёт
stats-starting = запускается
stats-draining = завершается
stats-degraded = работает частично
stats-backoff = упал
stats-parked = остановлен
stats-ended = закончил

## /why и /search

why-well = ✅ Здесь в последнее время всё получалось.
why-head =
    🩺 <b>{ $asked }</b>, { $ago } назад
    { $reason }
why-row = <code>{ $at } с</code> <b>{ $who }</b>, { $step ->
        [search] поиск
        [describe] описание
        [open] звук
       *[list] список
    }: { $came }, { $took } с{ $slow ->
        [slow] { " " }(дольше обычного, тем временем спросили другого)
       *[usual] { "" }
    }. { $then ->
        [taken] Этот ответ взят.
        [next] Спросили следующего.
        [again] Спросили ещё раз.
        [called-off] Другой успел раньше.
       *[given-up] Больше спрашивать некого.
    }
why-more = … и ещё { $rows }
why-answer = ответ есть
why-nothing = ничего подходящего
why-silence = молчание
why-failing = не спрошен: слишком часто не отвечал (снова через { $wait })
why-asked-to-wait = не спрошен: просил подождать (ещё { $wait })
why-busy = не спрошен: чаще он не выдержит
why-fault = { $reason ->
        [unreachable] недоступен
        [timeout] слишком медленно
        [refused] отказ
        [flood] просит спрашивать реже
        [not-found] такого нет
        [preview] есть только отрывок
        [too-long] слишком длинно
        [too-large] слишком большой файл
        [live] прямой эфир, здесь он не играет
        [explicit] ненормативная лексика, здесь она не играет
        [unreadable] это нельзя проиграть
       *[other] не получилось
    }
search-head = 🔎 <b>{ $words }</b>: что из этого?
search-hit = { $title } · { $duration } · { $source }
search-nothing-asked = Напиши, что искать: <code>/search песня</code>.
search-old = Этот поиск уже забыт. Отправь <code>/search</code> ещё раз.
