//! A painter that is slow, or panics.

use std::sync::atomic::{AtomicUsize, Ordering};

use protocol::Canvas;

use super::*;
use crate::hub::ring::Read;
use crate::hub::tests::{LIMITS, payload};

fn picture(title: &str) -> PictureChange {
    let canvas = Canvas { width_px: 1, height_px: 1 };
    PictureChange::Picture(Picture { title: title.to_owned(), canvas, panels: vec!["now".into()] })
}

fn panel(svg: &str) -> PictureChange {
    PictureChange::Panel(PaintedPanel { id: "now".into(), svg: svg.to_owned() })
}

#[tokio::test(start_paused = true)]
async fn a_painter_that_panics_is_started_again() {
    let (log, channel, begun) = (watch::Sender::new(LogState::default()), Channel::new(LIMITS), AtomicUsize::new(0));
    let new: Box<dyn Fn() -> Paint + Send + Sync> = Box::new(move || {
        let is_first = begun.fetch_add(1, Ordering::SeqCst) == 0;
        let mut painted = 0;
        Box::new(move |_, _, _| {
            painted += 1;
            assert!(!(is_first && painted > 1), "as a defect would");
            if painted == 1 {
                vec![picture("one"), panel(if is_first { "before" } else { "after" })]
            } else {
                Vec::new()
            }
        })
    });
    let painting = Painting::start_with(new, Arc::clone(&channel), Clock, log.subscribe());
    painting.show(5, Arc::default());
    assert_eq!(painting.subscribe(None, &Clock).await.unwrap().position, 5);
    let cursor = channel.next();
    let mut news = channel.watch();
    news.mark_unchanged();
    // Nothing has changed but the time: what is painted anew is told all the same.
    news.changed().await.unwrap();
    let Read::Message(message, 5) = channel.read(cursor) else { panic!("a signal") };
    let told = std::str::from_utf8(payload(&message)).unwrap();
    assert!(told.contains("repainted") && told.contains("after"), "{told}");
    painting.show(6, Arc::default());
    let resumed = painting.subscribe(Some(6), &Clock).await.unwrap();
    assert_eq!((resumed.position, resumed.resumed), (6, true));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_change_the_picture_moves_it_on() {
    let (log, channel) = (watch::Sender::new(LogState::default()), Channel::new(LIMITS));
    let new: Box<dyn Fn() -> Paint + Send + Sync> = Box::new(|| Box::new(|_, _, _| Vec::new()));
    let painting = Painting::start_with(new, channel, Clock, log.subscribe());
    painting.show(5, Arc::default());
    painting.advance(9);
    painting.advance(7);
    assert_eq!(painting.subscribe(Some(9), &Clock).await.unwrap().position, 9);
    let behind = painting.subscribe(Some(10), &Clock).await.err();
    assert!(matches!(behind, Some(ViewError::Behind(_))), "{behind:?}");
}
