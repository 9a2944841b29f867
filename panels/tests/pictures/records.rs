//! The tasks, alarms and the session of the invented centre.

use std::sync::Arc;

use protocol::alarm::{AlarmSeverity, AlarmState};
use protocol::change::Change;
use protocol::day::Day;
use protocol::observation::Name;
use protocol::session::{AgendaItem, Session, Stage};
use protocol::task::{Extension, SourceDocument, Task, TaskOrigin, TaskState, Urgency};
use protocol::{Alarm, ObservationStatus, Timestamp};

use crate::centre::NOW;

fn vi(text: &str) -> Name {
    Name { vi: text.into(), en: None }
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn ago(minutes: i64) -> Timestamp {
    NOW.plus_micros(-minutes * 60_000_000)
}

/// What, who, until when, and on which day it was done.
const TASKS: [(&str, &str, &str, Option<&str>); 12] = [
    ("Báo cáo phương án điều chuyển vốn các dự án giải ngân dưới 30 %", "stc", "2023-08-02", None),
    ("Hoàn thành đền bù, giải phóng mặt bằng đường Hoàng Sa – Dốc Sỏi", "sgtvt", "2023-08-10", None),
    ("Rà soát hồ sơ đất đai quá hạn", "stnmt", "2023-08-14", None),
    ("Kế hoạch ứng phó thiên tai và tìm kiếm cứu nạn năm 2023", "stnmt", "2023-08-16", None),
    ("Đề án phát triển du lịch Lý Sơn", "sgtvt", "2023-09-30", None),
    ("Tổng hợp ý kiến về quy hoạch tỉnh", "stc", "2023-10-15", None),
    ("Theo dõi việc thực hiện kết luận thanh tra", "stc", "", None),
    ("Quyết toán ngân sách năm 2022", "stc", "2023-06-30", Some("2023-06-28")),
    ("Báo cáo kinh tế – xã hội 6 tháng", "stc", "2023-07-05", Some("2023-07-11")),
    ("Kiểm tra an toàn hồ chứa trước mùa mưa", "stnmt", "2023-07-31", Some("2023-07-30")),
    ("Sửa chữa Quốc lộ 24B", "sgtvt", "2023-07-20", Some("2023-07-20")),
    ("Thống kê thiệt hại do nắng hạn", "stnmt", "2023-08-01", Some("2023-08-01")),
];

fn tasks() -> impl Iterator<Item = Task> {
    TASKS.into_iter().enumerate().map(|(index, (content, lead, deadline, done))| Task {
        id: format!("nv-{index:02}").into(),
        content: vi(content),
        document: Some(SourceDocument {
            number: format!("{}/UBND-TH", 2101 + index),
            date: day("2023-05-15"),
            summary: None,
        }),
        given_by: "ubnd".into(),
        given_on: day("2023-05-15"),
        lead: lead.into(),
        with: Vec::new(),
        deadline: (!deadline.is_empty()).then(|| day(deadline)),
        extensions: (index == 1)
            .then(|| Extension { given_on: day("2023-07-01"), before: day("2023-07-10"), reason: None })
            .into_iter()
            .collect(),
        urgency: Urgency::Normal,
        origin: TaskOrigin::PeoplesCommittee,
        sector: None,
        state: if done.is_some() { TaskState::Done } else { TaskState::InProgress },
        progress_percent: None,
        closed_on: done.map(day),
        lateness_reason: None,
        source: "qlvb".into(),
        received_at: ago(12),
        status: ObservationStatus::Simulated,
    })
}

fn alarms() -> impl Iterator<Item = Alarm> {
    let seen = || AlarmState::Acknowledged { at: ago(20), by: "Trực ban".into(), comment: None };
    let shelved = AlarmState::Shelved { at: ago(5), by: "Trực ban".into(), until: ago(-60), comment: None };
    let all = [
        ("Sông Vệ trên báo động II", AlarmSeverity::Critical, Some("528"), ago(11), AlarmState::Raised),
        ("Giường bệnh trên 85 %", AlarmSeverity::Warning, None, ago(37), AlarmState::Raised),
        ("Mất tín hiệu trạm Dung Quất", AlarmSeverity::Warning, Some("524"), ago(190), seen()),
        ("Camera ngã ba Dốc Sỏi không có hình", AlarmSeverity::Warning, Some("524"), ago(300), shelved),
        (
            "Cháy rừng cấp V tại Ba Tơ",
            AlarmSeverity::Critical,
            Some("535"),
            ago(900),
            AlarmState::Cleared { at: ago(400) },
        ),
    ];
    all.into_iter().enumerate().map(|(index, (text, severity, area, raised_at, state))| Alarm {
        id: format!("cb-{index}").into(),
        severity,
        rule: None,
        chatter: 0,
        text: vi(text),
        series: None,
        area: area.map(Into::into),
        agency: Some("stnmt".into()),
        raised_at,
        state,
        source: "kttv".into(),
        received_at: raised_at,
        status: ObservationStatus::Simulated,
    })
}

fn session() -> Session {
    let open = ago(13).plus_micros(8_000_000);
    let items = [
        ("Khai mạc", "Phó Chủ tịch UBND tỉnh", 5, Stage::Closed { since: ago(18), at: open }),
        ("Giải ngân vốn đầu tư công", "Giám đốc Sở Tài chính", 25, Stage::Open { since: open }),
        ("Nhiệm vụ quá hạn", "Chánh Văn phòng UBND tỉnh", 20, Stage::Planned),
        ("Quan trắc môi trường Khu kinh tế Dung Quất", "Sở Tài nguyên và Môi trường", 15, Stage::Planned),
        ("Kết luận", "Phó Chủ tịch UBND tỉnh", 10, Stage::Planned),
    ];
    let item = |(title, presenter, minutes, stage): (&str, &str, u16, Stage)| AgendaItem {
        title: vi(title),
        presenter: vi(presenter),
        agency: None,
        minutes,
        layout: None,
        indicators: Vec::new(),
        stage,
    };
    Session {
        id: "2023-08".into(),
        title: vi("Giao ban tháng 8/2023"),
        place: None,
        starts_at: ago(18),
        chair: vi("Phó Chủ tịch UBND tỉnh"),
        items: items.map(item).into(),
        stage: Stage::Open { since: ago(18) },
        source: "qlvb".into(),
        received_at: ago(18),
        status: ObservationStatus::Simulated,
    }
}

/// As a client is told of them.
pub fn all() -> Vec<Change> {
    let tasks = tasks().map(|task| Change::Task(Arc::new(task)));
    let alarms = alarms().map(|alarm| Change::Alarm(Arc::new(alarm)));
    tasks.chain(alarms).chain([Change::Session(Arc::new(session()))]).collect()
}
