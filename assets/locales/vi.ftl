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
goodbye-bad-message = Máy chủ không hiểu màn hình này; kiểm tra phiên bản của hai bên
goodbye-slow = Máy chủ ngắt kết nối vì đường truyền quá chậm
goodbye-unknown-view = Máy chủ không có màn hình mang tên này; kiểm tra --wall hoặc --layout
goodbye-shutting-down = Máy chủ đang dừng hoặc khởi động lại
goodbye-new-epoch = Máy chủ đã thay nhật ký; đang tải lại từ đầu
goodbye-full = Máy chủ đã hết chỗ
goodbye-behind = Máy chủ chưa theo kịp; đang thử lại
goodbye-defect = Máy chủ không gửi được màn hình này; xem nhật ký của máy chủ
goodbye-unknown = Máy chủ ngắt kết nối vì một lý do mà phiên bản này chưa biết
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
target = chỉ tiêu
sources = { $count } nguồn
boundaries-before = địa giới trước { $day }
boundaries-since = địa giới từ { $day }
threshold = ngưỡng

unknown-kind = Không có loại ô “{ $kind }”
bad-options = Ô “{ $panel }” không vẽ được
quarter = quý { $number }
bad-option-detail = Xem lại tùy chọn “{ $option }” của ô này; mục kiểm tra cấu hình nói rõ lỗi.
no-chart = Không vẽ được biểu đồ
more = còn { $count } dòng khác


# Trang xem trên trình duyệt.
watch-connecting = Đang kết nối…
watch-live = Trực tiếp
watch-lost = Mất kết nối từ { $time }
watch-behind = số liệu trên màn hình có thể đã cũ, đang kết nối lại
watch-log-away = Máy chủ chưa ghi được số liệu mới từ { $time }; đang hiển thị từ bộ nhớ
watch-unknown-view = màn hình này không còn nữa
watch-full = máy chủ đã hết chỗ
watch-stopping = máy chủ đang dừng hoặc khởi động lại
watch-list = Danh sách màn hình
watch-hint = Di chuột hoặc bấm Tab vào một con số để xem nguồn gốc
watch-printed = In lúc { $time }
watch-picture = Màn hình trực tiếp
watch-value = Giá trị
watch-scenario = Loại số
watch-time = Thời điểm số liệu
watch-received = Nhận lúc
watch-source = Nguồn
watch-status = Tình trạng
watch-computed-difference = số thứ nhất trừ số thứ hai
watch-computed-change-percent = thay đổi của số thứ nhất so với số thứ hai, %
watch-computed-share-percent = tỷ lệ của số thứ nhất trên số thứ hai, %
watch-status-automatic = đo tự động
watch-status-by-hand = nhập tay
watch-status-estimated = ước tính
watch-status-preliminary = sơ bộ
watch-status-official = chính thức
watch-status-simulated = mô phỏng, số liệu minh họa
watch-scenario-actual = thực hiện
watch-scenario-plan = kế hoạch năm
watch-scenario-expected = mốc theo kế hoạch
watch-scenario-same-period = cùng kỳ năm trước
watch-layouts = Bố cục
watch-walls = Màn hình lớn
watch-none = Chưa có
watch-no-layout = Không có bố cục “{ $name }”. Các bố cục hiện có ở dưới đây.
watch-no-wall = Không có màn hình lớn “{ $name }”. Các màn hình hiện có ở dưới đây.
