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
threshold = threshold

unknown-kind = There is no panel kind “{ $kind }”
bad-options = Panel “{ $panel }” cannot be drawn
quarter-of = Q{ $number } { $year }
no-chart = The chart cannot be drawn
more = { $count } more
