# Words on the wall and on the watch page.

live = LIVE
replay = REPLAY
rehearsal = REHEARSAL
link-lost = LINK LOST since { $time }
log-away = READ-ONLY, FROM MEMORY since { $time }
illustrative = illustrative figures
illustrative-short = illustrative

weekday-1 = Monday
weekday-2 = Tuesday
weekday-3 = Wednesday
weekday-4 = Thursday
weekday-5 = Friday
weekday-6 = Saturday
weekday-7 = Sunday

today-at = { $time } today
yesterday-at = { $time } yesterday
stale-minutes = { $count } min old
stale-hours = { $count } h old
stale-days = { $count } days old

no-figures = No figures yet
waiting = Waiting for data
goodbye-bad-message = The server does not understand this wall; check the versions of both
goodbye-slow = The server hung up because the line is too slow
goodbye-unknown-view = The server has no wall or layout of this name; check --wall or --layout
goodbye-shutting-down = The server is stopping or restarting
goodbye-new-epoch = The server has replaced its log; loading everything anew
goodbye-full = The server has no free place
goodbye-behind = The server has not caught up yet; trying again
goodbye-defect = The server cannot send this view; its log says why
goodbye-unknown = The server hung up for a reason that this version does not know
percentage-points = pp
against-same-period = on same period
of-year-plan = of the year's plan
expected-today = due today
behind-plan = behind plan
needs-attention = needs attention
critical = critical
scenario-actual = actual
scenario-plan = year's plan
scenario-expected = planned course
scenario-same-period = same period
month = M{ $number }
target = target
sources = { $count } sources
boundaries-before = boundaries before { $day }
boundaries-since = boundaries since { $day }
threshold = threshold

unknown-kind = There is no panel kind “{ $kind }”
bad-options = Panel “{ $panel }” cannot be drawn
quarter = Q{ $number }
bad-option-detail = See its option “{ $option }”; the configuration check says what is wrong.
no-chart = The chart cannot be drawn
more = { $count } more


# The page in a browser.
watch-connecting = Connecting…
watch-live = Live
watch-lost = Connection lost since { $time }
watch-behind = the numbers shown may be out of date; reconnecting
watch-log-away = The server has not been able to record new numbers since { $time }; showing what it remembers
watch-unknown-view = this view no longer exists
watch-full = the server has no seat left
watch-stopping = the server is stopping or restarting
watch-list = All views
watch-hint = Hover over a number, or reach it with Tab, to see where it comes from
watch-printed = Printed { $time }
watch-picture = Live view
watch-value = Value
watch-scenario = Figure
watch-time = True at
watch-received = Received
watch-source = Source
watch-status = Status
watch-computed-difference = the first less the second
watch-computed-change-percent = change of the first against the second, %
watch-computed-share-percent = the first as a share of the second, %
watch-status-automatic = measured automatically
watch-status-by-hand = entered by hand
watch-status-estimated = estimated
watch-status-preliminary = preliminary
watch-status-official = official
watch-status-simulated = simulated, illustrative figures
watch-scenario-actual = actual
watch-scenario-plan = plan for the year
watch-scenario-expected = expected by plan
watch-scenario-same-period = same period last year
watch-layouts = Layouts
watch-walls = Video walls
watch-none = None yet
watch-no-layout = There is no layout “{ $name }”. Those that exist are listed below.
watch-no-wall = There is no wall “{ $name }”. Those that exist are listed below.
