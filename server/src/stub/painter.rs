#[derive(Default)]
pub struct Painter;
impl Painter {
    pub fn paint(
        &mut self,
        _: &protocol::ViewState,
        _: protocol::Timestamp,
        _: panels::Link,
    ) -> Vec<protocol::change::PictureChange> {
        vec![]
    }
}
