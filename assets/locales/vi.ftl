# Chữ trên màn hình lớn và trên trang xem.

live = TRỰC TIẾP
replay = PHÁT LẠI
rehearsal = DIỄN TẬP
link-lost = MẤT KẾT NỐI từ { $time }
log-away = CHỈ ĐỌC TỪ BỘ NHỚ từ { $time }
illustrative = số liệu minh họa
illustrative-short = minh họa

weekday-1 = Thứ Hai
weekday-2 = Thứ Ba
weekday-3 = Thứ Tư
weekday-4 = Thứ Năm
weekday-5 = Thứ Sáu
weekday-6 = Thứ Bảy
weekday-7 = Chủ Nhật

today-at = { $time } hôm nay
yesterday-at = { $time } hôm qua
stale-minutes = cũ { $count } phút
stale-hours = cũ { $count } giờ
stale-days = cũ { $count } ngày

no-figures = Chưa có số liệu
waiting = Đang chờ dữ liệu
percentage-points = điểm %
against-same-period = so cùng kỳ
of-year-plan = kế hoạch năm
expected-today = mốc hôm nay
behind-plan = chậm kế hoạch
needs-attention = cần chú ý
critical = nghiêm trọng
scenario-actual = thực hiện
scenario-plan = kế hoạch năm
scenario-expected = đường kế hoạch
scenario-same-period = cùng kỳ
month = T{ $number }
threshold = ngưỡng

unknown-kind = Không có loại ô “{ $kind }”
bad-options = Ô “{ $panel }” không vẽ được
quarter-of = quý { $number }/{ $year }
no-chart = Không vẽ được biểu đồ
more = còn { $count } dòng khác
