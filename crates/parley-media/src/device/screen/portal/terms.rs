//! What is offered to PipeWire before pictures come, as its "pods" (the wire form of its parameters).
//!
//! No modifier is named among the formats, so that the desktop gives plain shared memory and no DMA-BUF: what a graphics card
//! holds would have to be read back by us, and the desktop does that better.

use super::super::pixels::Order;
use super::inbox::Layout;
use parley_proto::{FrameRate, Resolution};
use pipewire::spa::param::ParamType;
use pipewire::spa::param::format::{FormatProperties, MediaSubtype, MediaType};
use pipewire::spa::param::format_utils::parse_format;
use pipewire::spa::param::video::{VideoFormat, VideoInfoRaw};
use pipewire::spa::pod::serialize::PodSerializer;
use pipewire::spa::pod::{ChoiceValue, Pod, Property, Value, object, property};
use pipewire::spa::sys;
use pipewire::spa::utils::{Choice, ChoiceEnum, ChoiceFlags, Fraction, Id, Rectangle, SpaTypes};

/// The largest picture: more than screens have, and less than what would fill the memory.
const SIDE_MAX: u32 = 16_384;
/// Buffers to pass to and fro: as many as wished, at least, at most.
const BUFFERS: (i32, i32, i32) = (4, 2, 8);

/// A parameter in its wire form.
pub(super) struct Term(Vec<u8>);

impl Term {
    fn of(value: &Value) -> Option<Self> {
        let bytes = PodSerializer::serialize(std::io::Cursor::new(Vec::new()), value).ok()?;
        Some(Self(bytes.0.into_inner()))
    }

    pub(super) fn pod(&self) -> Option<&Pod> {
        Pod::from_bytes(&self.0)
    }
}

/// The formats that can be read, at no more than so many pictures a second.
pub(super) fn formats(frame_rate: FrameRate) -> Option<Term> {
    let most = Fraction {
        num: frame_rate.get(),
        denom: 1,
    };
    let any = Fraction { num: 0, denom: 1 };
    Term::of(&Value::Object(object!(
        SpaTypes::ObjectParamFormat,
        ParamType::EnumFormat,
        property!(FormatProperties::MediaType, Id, MediaType::Video),
        property!(FormatProperties::MediaSubtype, Id, MediaSubtype::Raw),
        property!(
            FormatProperties::VideoFormat,
            Choice,
            Enum,
            Id,
            VideoFormat::BGRx,
            VideoFormat::BGRx,
            VideoFormat::BGRA,
            VideoFormat::RGBx,
            VideoFormat::RGBA,
        ),
        property!(
            FormatProperties::VideoSize,
            Choice,
            Range,
            Rectangle,
            Rectangle {
                width: 1280,
                height: 720
            },
            Rectangle { width: 1, height: 1 },
            Rectangle {
                width: SIDE_MAX,
                height: SIDE_MAX
            }
        ),
        // Some desktops have no rate, pictures come when something changes: these say zero, and how fast at most.
        property!(
            FormatProperties::VideoFramerate,
            Choice,
            Range,
            Fraction,
            most,
            any,
            most
        ),
        property!(
            FormatProperties::VideoMaxFramerate,
            Choice,
            Range,
            Fraction,
            most,
            Fraction { num: 1, denom: 1 },
            most
        ),
    )))
}

/// What was agreed on; nothing when it is nothing that was offered.
pub(super) fn layout(format: &Pod) -> Option<Layout> {
    if parse_format(format).ok()? != (MediaType::Video, MediaSubtype::Raw) {
        return None;
    }
    let mut about = VideoInfoRaw::default();
    about.parse(format).ok()?;
    let order = match about.format() {
        VideoFormat::BGRx | VideoFormat::BGRA => Order::BlueFirst,
        VideoFormat::RGBx | VideoFormat::RGBA => Order::RedFirst,
        _ => return None,
    };
    let size = Resolution::new(about.size().width, about.size().height);
    (size.width <= SIDE_MAX && size.height <= SIDE_MAX).then_some(Layout { size, order })
}

/// The memory that can be read, and what is to come with each picture: whether it is whole, and what of it counts.
pub(super) fn buffers() -> Vec<Term> {
    let (default, min, max) = BUFFERS;
    let memory = (1 << sys::SPA_DATA_MemPtr) | (1 << sys::SPA_DATA_MemFd);
    let buffers = params(
        SpaTypes::ObjectParamBuffers,
        ParamType::Buffers,
        [
            (
                sys::SPA_PARAM_BUFFERS_buffers,
                choice(ChoiceEnum::Range { default, min, max }),
            ),
            (sys::SPA_PARAM_BUFFERS_blocks, Value::Int(1)),
            (
                sys::SPA_PARAM_BUFFERS_dataType,
                choice(ChoiceEnum::Flags {
                    default: memory,
                    flags: vec![memory],
                }),
            ),
        ],
    );
    let beside = |kind: u32, bytes: usize| {
        params(
            SpaTypes::ObjectParamMeta,
            ParamType::Meta,
            [
                (sys::SPA_PARAM_META_type, Value::Id(Id(kind))),
                (sys::SPA_PARAM_META_size, Value::Int(bytes as i32)),
            ],
        )
    };
    [
        buffers,
        beside(sys::SPA_META_Header, size_of::<sys::spa_meta_header>()),
        beside(sys::SPA_META_VideoCrop, size_of::<sys::spa_meta_region>()),
    ]
    .iter()
    .filter_map(Term::of)
    .collect()
}

fn choice(which: ChoiceEnum<i32>) -> Value {
    Value::Choice(ChoiceValue::Int(Choice(ChoiceFlags::empty(), which)))
}

fn params<const N: usize>(kind: SpaTypes, id: ParamType, values: [(u32, Value); N]) -> Value {
    Value::Object(pipewire::spa::pod::Object {
        type_: kind.as_raw(),
        id: id.as_raw(),
        properties: values.map(|(key, value)| Property::new(key, value)).to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A format as a desktop would agree on it.
    fn agreed(format: VideoFormat, width: u32, height: u32) -> Term {
        let term = Term::of(&Value::Object(object!(
            SpaTypes::ObjectParamFormat,
            ParamType::Format,
            property!(FormatProperties::MediaType, Id, MediaType::Video),
            property!(FormatProperties::MediaSubtype, Id, MediaSubtype::Raw),
            property!(FormatProperties::VideoFormat, Id, format),
            property!(
                FormatProperties::VideoSize,
                Rectangle,
                Rectangle { width, height }
            ),
        )));
        term.unwrap()
    }

    #[test]
    fn only_what_was_offered_is_agreed_on() {
        for (format, order) in [
            (VideoFormat::BGRx, Some(Order::BlueFirst)),
            (VideoFormat::BGRA, Some(Order::BlueFirst)),
            (VideoFormat::RGBx, Some(Order::RedFirst)),
            (VideoFormat::RGBA, Some(Order::RedFirst)),
            (VideoFormat::NV12, None),
        ] {
            let size = Resolution::new(1920, 1080);
            let expected = order.map(|order| Layout { size, order });
            assert_eq!(
                layout(agreed(format, 1920, 1080).pod().unwrap()),
                expected,
                "{format:?}"
            );
        }
        assert_eq!(
            layout(agreed(VideoFormat::BGRx, SIDE_MAX + 1, 1).pod().unwrap()),
            None
        );
        let audio = buffers();
        assert_eq!(layout(audio[0].pod().unwrap()), None, "no format at all");
    }

    #[test]
    fn every_term_has_its_wire_form() {
        assert!(formats(FrameRate::new(15)).is_some_and(|term| term.pod().is_some()));
        let terms = buffers();
        assert_eq!(terms.len(), 3);
        assert!(terms.iter().all(|term| term.pod().is_some_and(Pod::is_object)));
    }
}
