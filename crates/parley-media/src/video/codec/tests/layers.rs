//! Two layers of time: what the upper one is, and that nobody misses it.

use super::*;
use crate::video::pattern;

fn layered(kbps: u64) -> H264Encoder {
    let mut encoder = H264Encoder::new(settings(kbps)).unwrap();
    encoder.set_layers(TemporalLayers::Two).unwrap();
    encoder
}

/// The numbers of the pictures that come out, all of which must decode.
fn seen<'a>(pictures: impl Iterator<Item = &'a Encoded>) -> Vec<u32> {
    let mut decoder = H264Decoder::new().unwrap();
    let decoded = pictures.map(|picture| {
        let decoded = decoder.decode(&picture.data, CaptureTime(now()));
        let decoded = decoded.expect("nothing that it refers to is missing").unwrap();
        pattern::read(&decoded).expect("a whole picture").number
    });
    decoded.collect()
}

#[test]
fn every_other_picture_can_be_left_out_and_the_rest_is_the_film_at_half_its_rate() {
    let mut film = Film::new(SMALL);
    let mut encoder = layered(800);
    let pictures: Vec<Encoded> = (0..60)
        .map(|number| encoder.encode(&film.next(), number == 33).unwrap())
        .collect();
    let key_frames: Vec<usize> = (0..60).filter(|at| pictures[*at].key_frame).collect();
    assert_eq!(key_frames, [0, 33]);
    for (at, picture) in pictures.iter().enumerate() {
        // They are counted anew from each key frame.
        let since = if at < 33 { at } else { at - 33 };
        assert_eq!(picture.discardable, since % 2 == 1, "picture {at}");
    }
    assert_eq!(seen(pictures.iter()), (1..=60).collect::<Vec<u32>>());
    let lower = seen(pictures.iter().filter(|picture| !picture.discardable));
    let halved: Vec<u32> = (1..=33).step_by(2).chain((34..=60).step_by(2)).collect();
    assert_eq!(lower, halved);
    // One of them alone can go as well: it need not be all or none.
    let some = seen(pictures.iter().enumerate().filter_map(|(at, picture)| {
        let kept = !picture.discardable || at % 3 == 0;
        kept.then_some(picture)
    }));
    assert!(some.len() > 31 && some.len() < 60, "{some:?}");
}

#[test]
fn in_one_layer_every_picture_is_needed() {
    let mut film = Film::new(SMALL);
    let mut encoder = H264Encoder::new(settings(800)).unwrap();
    for _ in 0..10 {
        assert!(!encoder.encode(&film.next(), false).unwrap().discardable);
    }
}

#[test]
fn layers_stay_while_rates_and_size_change_and_another_number_of_them_begins_with_a_key_frame() {
    let mut film = Film::new(SMALL);
    let mut encoder = layered(600);
    let mut kinds = |encoder: &mut H264Encoder| {
        [(); 3].map(|()| {
            let encoded = encoder.encode(&film.next(), false).unwrap();
            (encoded.key_frame, encoded.discardable)
        })
    };
    let (key, lower, upper) = ((true, false), (false, false), (false, true));
    assert_eq!(kinds(&mut encoder), [key, upper, lower]);
    encoder.set(settings(1_500)).unwrap();
    assert_eq!(kinds(&mut encoder), [upper, lower, upper]);
    let slower = EncoderSettings {
        frame_rate: FrameRate::new(15),
        ..settings(300)
    };
    encoder.set(slower).unwrap();
    assert_eq!(kinds(&mut encoder), [lower, upper, lower]);
    encoder.set_layers(TemporalLayers::Two).unwrap();
    assert_eq!(kinds(&mut encoder), [upper, lower, upper]);
    encoder.set_layers(TemporalLayers::One).unwrap();
    assert_eq!(kinds(&mut encoder), [key, lower, lower]);
    encoder.set_layers(TemporalLayers::Two).unwrap();
    assert_eq!(kinds(&mut encoder), [key, upper, lower]);
    let mut other = Film::new(Resolution::new(320, 180));
    let first = [(); 2].map(|()| encoder.encode(&other.next(), false).unwrap());
    assert!(first[0].key_frame && first[1].discardable);
    assert!(
        encoder
            .afresh()
            .unwrap()
            .encode(&other.next(), false)
            .unwrap()
            .key_frame
    );
}

#[test]
fn two_layers_keep_to_the_bitrate_and_the_lower_one_takes_more_than_half_of_it() {
    let mut film = Film::new(SMALL);
    let mut encoder = layered(300);
    encoder.encode(&film.next(), false).unwrap();
    for wanted in [300, 900, 150, 1500, 400] {
        encoder.set(settings(wanted)).unwrap();
        let is = kbps(&mut encoder, &mut film);
        assert!(
            (wanted / 2..=wanted * 5 / 4).contains(&is),
            "{is} kbit/s for {wanted}"
        );
    }
    let mut bytes = [0; 2];
    for _ in 0..60 {
        let encoded = encoder.encode(&film.next(), false).unwrap();
        bytes[usize::from(encoded.discardable)] += encoded.data.len();
    }
    assert!(bytes[0] > bytes[1] && bytes[1] > 0, "{bytes:?}");
}

#[test]
fn in_two_layers_the_stream_is_constrained_baseline_as_well() {
    let encoded = layered(800).encode(&Film::new(HD).next(), false).unwrap();
    let units: Vec<_> = crate::video::h264::nal_units(&encoded.data).collect();
    // One set of parameters and one slice: what nobody was to see is not in it.
    let kinds: Vec<u8> = units.iter().map(|unit| unit[0] & 0x1f).collect();
    assert_eq!(kinds, [7, 8, 5]);
    assert_eq!((units[0][1], units[0][2] & 0x40, units[0][3]), (66, 0x40, 31));
}
