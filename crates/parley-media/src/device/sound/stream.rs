//! Opening a stream: a format both sides can live with, callbacks that only copy, a ring to the audio thread. Streams of the
//! sound server are our own (`pulse_stream`), all others `cpal`'s.

use super::health::Health;
use super::hosts::Direction;
#[cfg(target_os = "linux")]
use super::pulse_stream::{self, PulseStream};
use super::resample::rate_is_usable;
use super::ring::{self, MicrophoneFeed, MicrophoneRing, SpeakerFeed, SpeakerRing};
use super::trouble::{DeviceTrouble, TroubleKind};
use crate::audio::SAMPLE_RATE;
use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{
    BufferSize, ErrorKind, FromSample, Sample, SampleFormat, SizedSample, StreamConfig, SupportedBufferSize,
    SupportedStreamConfig,
};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// How long a device may take to open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(3);
/// Formats in order of preference.
const FORMATS: [SampleFormat; 4] = [
    SampleFormat::F32,
    SampleFormat::I16,
    SampleFormat::I32,
    SampleFormat::U16,
];

/// An open stream. Dropping it closes the device.
pub(super) struct OpenStream {
    _stream: Stream,
    pub(super) health: Health,
}

/// What holds a device open.
#[expect(dead_code, reason = "held, not used: dropping it closes the device")]
enum Stream {
    Cpal(cpal::Stream),
    #[cfg(target_os = "linux")]
    Pulse(PulseStream),
}

/// The audio thread's end of it.
#[derive(Debug)]
pub(super) enum RingEnd {
    Microphone(MicrophoneRing),
    /// And the samples at 48 kHz that a callback takes at once.
    Speaker(SpeakerRing, usize),
}

/// A format that was chosen for a device.
#[derive(Debug, Clone, Copy)]
struct Format {
    config: StreamConfig,
    sample: SampleFormat,
    period: Duration,
}

/// Opens and starts a stream with buffers of `frames` (at 48 kHz).
pub(super) fn open(
    device: &cpal::Device,
    direction: Direction,
    frames: u32,
    wake: Thread,
) -> Result<(OpenStream, RingEnd), DeviceTrouble> {
    #[cfg(target_os = "linux")]
    if let Some(name) = name_at_the_sound_server(device) {
        return open_at_the_sound_server(
            name,
            own_config(device, direction)?.channels(),
            direction,
            frames,
            wake,
        );
    }
    let format = choose(device, direction, frames)?;
    let health = Health::default();
    let rate = format.config.sample_rate;
    let unusable = || DeviceTrouble::new(TroubleKind::Failed, format!("cannot bring {rate} Hz to 48 kHz"));
    let (stream, end) = match direction {
        Direction::In => {
            let (feed, end) = ring::microphone(rate, wake).ok_or_else(unusable)?;
            (input(device, format, feed, &health)?, RingEnd::Microphone(end))
        }
        Direction::Out => {
            let (feed, end) = ring::speaker(rate, wake).ok_or_else(unusable)?;
            (
                output(device, format, feed, &health)?,
                RingEnd::Speaker(end, frames as usize),
            )
        }
    };
    stream.play()?;
    let open = OpenStream {
        _stream: Stream::Cpal(stream),
        health,
    };
    Ok((open, end))
}

/// What the sound server calls this device, if it is one of its devices.
#[cfg(target_os = "linux")]
fn name_at_the_sound_server(device: &cpal::Device) -> Option<String> {
    let id = device.id().ok()?;
    (id.host() == cpal::HostId::PulseAudio).then(|| id.id().to_owned())
}

/// The server gives and takes any rate and format, so it is asked for the engine's own.
#[cfg(target_os = "linux")]
fn open_at_the_sound_server(
    device: String,
    channels: u16,
    direction: Direction,
    frames: u32,
    wake: Thread,
) -> Result<(OpenStream, RingEnd), DeviceTrouble> {
    let health = Health::default();
    let unusable = || DeviceTrouble::new(TroubleKind::Failed, "48 kHz cannot be had");
    let (feed, end) = match direction {
        Direction::In => {
            let (feed, end) = ring::microphone(SAMPLE_RATE, wake).ok_or_else(unusable)?;
            (pulse_stream::Feed::Microphone(feed), RingEnd::Microphone(end))
        }
        Direction::Out => {
            let (feed, end) = ring::speaker(SAMPLE_RATE, wake).ok_or_else(unusable)?;
            (
                pulse_stream::Feed::Speaker(feed),
                RingEnd::Speaker(end, frames as usize),
            )
        }
    };
    let wish = pulse_stream::Wish {
        device,
        channels: if channels == 1 { 1 } else { 2 },
        frames,
    };
    let stream = PulseStream::open(&wish, feed, &health)?;
    let open = OpenStream {
        _stream: Stream::Pulse(stream),
        health,
    };
    Ok((open, end))
}

/// What the device does by itself.
fn own_config(device: &cpal::Device, direction: Direction) -> Result<SupportedStreamConfig, DeviceTrouble> {
    Ok(match direction {
        Direction::In => device.default_input_config()?,
        Direction::Out => device.default_output_config()?,
    })
}

/// 48 kHz in the best format if the device has it, else the device's own.
fn choose(device: &cpal::Device, direction: Direction, frames: u32) -> Result<Format, DeviceTrouble> {
    let own = own_config(device, direction)?;
    let ranges: Vec<_> = match direction {
        Direction::In => device.supported_input_configs()?.collect(),
        Direction::Out => device.supported_output_configs()?.collect(),
    };
    let channels = own.channels().clamp(1, 2);
    let best = ranges
        .into_iter()
        .filter(|range| range.contains_rate(SAMPLE_RATE))
        .filter_map(|range| {
            let preference = FORMATS
                .iter()
                .position(|format| *format == range.sample_format())?;
            Some(((range.channels().abs_diff(channels), preference), range))
        })
        .min_by_key(|(rank, _)| *rank)
        .and_then(|(_, range)| range.try_with_sample_rate(SAMPLE_RATE));
    let chosen = best.unwrap_or(own);
    let rate = chosen.sample_rate();
    if !rate_is_usable(rate) || !FORMATS.contains(&chosen.sample_format()) {
        let detail = format!("it only speaks {rate} Hz {}", chosen.sample_format());
        return Err(DeviceTrouble::new(TroubleKind::Failed, detail));
    }
    let wanted = (u64::from(frames) * u64::from(rate) / u64::from(SAMPLE_RATE)) as u32;
    let frames = match chosen.buffer_size() {
        SupportedBufferSize::Range { min, max } => wanted.clamp(*min, (*max).max(*min)),
        SupportedBufferSize::Unknown => wanted,
    };
    Ok(Format {
        config: StreamConfig {
            channels: chosen.channels(),
            sample_rate: rate,
            buffer_size: BufferSize::Fixed(frames),
        },
        sample: chosen.sample_format(),
        period: time_of(frames as usize, rate),
    })
}

fn input(
    device: &cpal::Device,
    format: Format,
    feed: MicrophoneFeed,
    health: &Health,
) -> Result<cpal::Stream, DeviceTrouble> {
    match format.sample {
        SampleFormat::F32 => input_of::<f32>(device, format, feed, health),
        SampleFormat::I16 => input_of::<i16>(device, format, feed, health),
        SampleFormat::I32 => input_of::<i32>(device, format, feed, health),
        _ => input_of::<u16>(device, format, feed, health),
    }
}

fn output(
    device: &cpal::Device,
    format: Format,
    feed: SpeakerFeed,
    health: &Health,
) -> Result<cpal::Stream, DeviceTrouble> {
    match format.sample {
        SampleFormat::F32 => output_of::<f32>(device, format, feed, health),
        SampleFormat::I16 => output_of::<i16>(device, format, feed, health),
        SampleFormat::I32 => output_of::<i32>(device, format, feed, health),
        _ => output_of::<u16>(device, format, feed, health),
    }
}

fn input_of<S>(
    device: &cpal::Device,
    format: Format,
    mut feed: MicrophoneFeed,
    health: &Health,
) -> Result<cpal::Stream, DeviceTrouble>
where
    S: SizedSample + 'static,
    f32: FromSample<S>,
{
    let channels = usize::from(format.config.channels.max(1));
    let rate = format.config.sample_rate;
    let mut pulse = health.pulse(format.period);
    #[expect(clippy::disallowed_methods, reason = "driver: the moment a device calls")]
    let copy = move |data: &[S], _: &cpal::InputCallbackInfo| {
        pulse.beat(Instant::now(), time_of(data.len() / channels, rate));
        feed.push(data.iter().map(|sample| f32::from_sample(*sample)), channels);
    };
    Ok(device.build_input_stream(format.config, copy, on_error(health), Some(OPEN_TIMEOUT))?)
}

fn output_of<S>(
    device: &cpal::Device,
    format: Format,
    mut feed: SpeakerFeed,
    health: &Health,
) -> Result<cpal::Stream, DeviceTrouble>
where
    S: SizedSample + FromSample<f32> + 'static,
{
    let channels = usize::from(format.config.channels.max(1));
    let rate = format.config.sample_rate;
    let mut pulse = health.pulse(format.period);
    #[expect(clippy::disallowed_methods, reason = "driver: the moment a device calls")]
    let copy = move |data: &mut [S], _: &cpal::OutputCallbackInfo| {
        let now = Instant::now();
        pulse.beat(now, time_of(data.len() / channels, rate));
        feed.pull(data.chunks_exact_mut(channels), now, S::from_sample);
    };
    Ok(device.build_output_stream(format.config, copy, on_error(health), Some(OPEN_TIMEOUT))?)
}

/// Only sets a flag: some hosts call it thousands of times a second.
fn on_error(health: &Health) -> impl FnMut(cpal::Error) + Send + 'static {
    let health = health.clone();
    move |error| match error.kind() {
        ErrorKind::Xrun => health.strain(),
        ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged => {}
        _ => health.break_down(),
    }
}

fn time_of(frames: usize, rate: u32) -> Duration {
    Duration::from_nanos(frames as u64 * 1_000_000_000 / u64::from(rate.max(1)))
}
