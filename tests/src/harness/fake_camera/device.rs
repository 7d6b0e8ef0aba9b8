//! What a V4L2 capture device answers: the ioctls of `linux/videodev2.h` that capture programs use, over plain bytes.
//!
//! Every structure is taken apart by its offsets on a 64-bit little-endian machine. Time and pictures come from outside.

use std::collections::VecDeque;
use std::time::Duration;

/// Buffers a program may ask for.
pub(super) const BUFFERS_MAX: usize = 8;
/// Room for one buffer in the mapped file.
pub(super) const BUFFER_BYTES: u64 = 8 << 20;

const CAPTURE: u32 = 1;
const MEMORY_MMAP: u32 = 1;
const CAPABILITIES: u32 = 0x0520_0001; // capture, streaming, extended pixel formats
const FLAG_MONOTONIC_CLOCK: u32 = 0x2000;
const FLAG_MAPPED: u32 = 0x1;
const FLAG_QUEUED: u32 = 0x2;

/// How pixels are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Packed 4:2:2.
    Yuyv,
    /// Luma, then interleaved chroma, 4:2:0.
    Nv12,
    /// JPEG pictures.
    Mjpeg,
}

impl Format {
    const fn code(self) -> [u8; 4] {
        match self {
            Self::Yuyv => *b"YUYV",
            Self::Nv12 => *b"NV12",
            Self::Mjpeg => *b"MJPG",
        }
    }
}

/// One of the things a camera can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mode {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Pictures per second.
    pub frame_rate: u32,
    /// Layout.
    pub format: Format,
}

impl Mode {
    /// Reads `WIDTHxHEIGHT@RATE:FORMAT` (YUYV, NV12 or MJPG).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (size, rest) = text.split_once('@')?;
        let (width, height) = size.split_once('x')?;
        let (frame_rate, format) = rest.split_once(':')?;
        Some(Self {
            width: width.parse().ok()?,
            height: height.parse().ok()?,
            frame_rate: frame_rate.parse().ok().filter(|rate| *rate > 0)?,
            format: match format {
                "YUYV" => Format::Yuyv,
                "NV12" => Format::Nv12,
                "MJPG" => Format::Mjpeg,
                _ => return None,
            },
        })
    }

    /// The most bytes a picture takes.
    pub(super) const fn bytes_max(&self) -> u32 {
        match self.format {
            Format::Yuyv | Format::Mjpeg => self.width * self.height * 2,
            Format::Nv12 => self.width * self.height * 3 / 2,
        }
    }
}

/// A buffer with a picture in it.
#[derive(Debug, Clone, Copy)]
struct Filled {
    index: u32,
    bytes: u32,
    sequence: u32,
    captured: Duration,
}

/// The state of one camera.
#[derive(Debug)]
pub(super) struct Device {
    name: String,
    modes: Vec<Mode>,
    mode: usize,
    /// The open file that asked for buffers; others are told the camera is busy.
    owner: Option<u64>,
    buffers: usize,
    streaming: bool,
    /// Gives no pictures until it is started anew.
    stalled: bool,
    queued: VecDeque<u32>,
    filled: VecDeque<Filled>,
    sequence: u32,
}

type Answer = Result<(), i32>;

impl Device {
    pub(super) fn new(name: &str, modes: Vec<Mode>) -> Self {
        Self {
            name: name.to_owned(),
            modes,
            mode: 0,
            owner: None,
            buffers: 0,
            streaming: false,
            stalled: false,
            queued: VecDeque::new(),
            filled: VecDeque::new(),
            sequence: 0,
        }
    }

    pub(super) fn mode(&self) -> &Mode {
        &self.modes[self.mode]
    }

    pub(super) const fn is_streaming(&self) -> bool {
        self.streaming
    }

    pub(super) fn has_picture(&self) -> bool {
        !self.filled.is_empty()
    }

    /// The buffer the next picture goes into, if a program gave one.
    pub(super) fn take_buffer(&mut self) -> Option<u32> {
        if self.streaming && !self.stalled {
            self.queued.pop_front()
        } else {
            None
        }
    }

    /// A picture is in a buffer.
    pub(super) fn fill(&mut self, index: u32, bytes: u32, captured: Duration) {
        if self.streaming {
            self.sequence += 1;
            self.filled.push_back(Filled {
                index,
                bytes,
                sequence: self.sequence,
                captured,
            });
        }
    }

    /// No more pictures until somebody starts it anew, as a camera whose driver hangs.
    pub(super) fn stall(&mut self) {
        self.stalled = true;
    }

    /// An open file was closed, or the plug was pulled (`None`: whoever has it).
    pub(super) fn release(&mut self, file: Option<u64>) {
        if file.is_none() || self.owner == file {
            self.owner = None;
            self.buffers = 0;
            self.stop();
        }
    }

    fn stop(&mut self) {
        self.streaming = false;
        self.queued.clear();
        self.filled.clear();
    }

    /// Answers ioctl `V4L2(number)` of an open file in place; an error is an errno.
    pub(super) fn ioctl(&mut self, file: u64, number: u32, bytes: &mut [u8]) -> Answer {
        let mut fields = Fields(bytes);
        match number {
            0 => self.query_capabilities(&mut fields),
            2 => self.enumerate_formats(&mut fields),
            4 => self.get_format(&mut fields),
            5 => self.set_format(&mut fields),
            64 => self.try_format(&mut fields).map(drop),
            8 => self.request_buffers(file, &mut fields),
            9 => self.query_buffer(&mut fields),
            15 => self.queue_buffer(&mut fields),
            17 => self.dequeue_buffer(&mut fields),
            18 => self.start(),
            19 => {
                self.stop();
                Ok(())
            }
            21 => self.get_parameters(&mut fields),
            22 => self.set_parameters(&mut fields),
            26 => enumerate_inputs(&mut fields),
            38 => fields.set(0, 0),
            39 => (fields.get(0) == 0).then_some(()).ok_or(libc::EINVAL),
            67 => fields.set(4, 2), // priority: interactive
            68 => Ok(()),
            74 => self.enumerate_sizes(&mut fields),
            75 => self.enumerate_rates(&mut fields),
            // Controls: there are none.
            36 | 37 | 103 => Err(libc::EINVAL),
            _ => Err(libc::ENOTTY),
        }
    }

    fn query_capabilities(&self, fields: &mut Fields<'_>) -> Answer {
        fields.clear_from(0);
        fields.text(0, "parley-test", 16);
        fields.text(16, &self.name, 32);
        fields.text(48, "usb-test-1", 32);
        fields.set(80, 0x0006_0C00)?;
        fields.set(84, CAPABILITIES | 0x8000_0000)?;
        fields.set(88, CAPABILITIES)
    }

    fn formats(&self) -> Vec<Format> {
        let mut formats: Vec<Format> = Vec::new();
        for mode in &self.modes {
            if !formats.contains(&mode.format) {
                formats.push(mode.format);
            }
        }
        formats
    }

    fn enumerate_formats(&self, fields: &mut Fields<'_>) -> Answer {
        fields.expect(4, CAPTURE)?;
        let formats = self.formats();
        let format = *formats.get(fields.get(0) as usize).ok_or(libc::EINVAL)?;
        fields.clear_from(8);
        fields.set(8, u32::from(format == Format::Mjpeg))?;
        fields.text(12, &String::from_utf8_lossy(&format.code()), 32);
        fields.bytes(44, &format.code());
        Ok(())
    }

    fn get_format(&self, fields: &mut Fields<'_>) -> Answer {
        fields.expect(0, CAPTURE)?;
        put_format(fields, self.mode())
    }

    fn try_format(&self, fields: &mut Fields<'_>) -> Result<usize, i32> {
        fields.expect(0, CAPTURE)?;
        let (width, height, code) = (fields.get(8), fields.get(12), fields.code(16));
        let known = self.formats().iter().any(|format| format.code() == code);
        let code = if known { code } else { self.modes[0].format.code() };
        let distance = |mode: &Mode| mode.width.abs_diff(width) + mode.height.abs_diff(height);
        let nearest = (0..self.modes.len())
            .filter(|index| self.modes[*index].format.code() == code)
            .min_by_key(|index| distance(&self.modes[*index]))
            .ok_or(libc::EINVAL)?;
        put_format(fields, &self.modes[nearest])?;
        Ok(nearest)
    }

    fn set_format(&mut self, fields: &mut Fields<'_>) -> Answer {
        if self.buffers > 0 {
            return Err(libc::EBUSY);
        }
        self.mode = self.try_format(fields)?;
        Ok(())
    }

    fn request_buffers(&mut self, file: u64, fields: &mut Fields<'_>) -> Answer {
        fields.expect(4, CAPTURE)?;
        fields.expect(8, MEMORY_MMAP)?;
        if self.streaming || self.owner.is_some_and(|owner| owner != file) {
            return Err(libc::EBUSY);
        }
        self.buffers = (fields.get(0) as usize).min(BUFFERS_MAX);
        self.owner = (self.buffers > 0).then_some(file);
        self.stop();
        fields.set(0, self.buffers as u32)?;
        fields.set(12, 1)
    }

    fn query_buffer(&self, fields: &mut Fields<'_>) -> Answer {
        let index = self.buffer_index(fields)?;
        let flags = if self.queued.contains(&index) {
            FLAG_QUEUED
        } else {
            0
        };
        self.put_buffer(fields, index, flags, None)
    }

    fn queue_buffer(&mut self, fields: &mut Fields<'_>) -> Answer {
        let index = self.buffer_index(fields)?;
        if !self.queued.contains(&index) {
            self.queued.push_back(index);
        }
        self.put_buffer(fields, index, FLAG_QUEUED, None)
    }

    fn dequeue_buffer(&mut self, fields: &mut Fields<'_>) -> Answer {
        fields.expect(4, CAPTURE)?;
        let nothing = if self.streaming {
            libc::EAGAIN
        } else {
            libc::EINVAL
        };
        let filled = self.filled.pop_front().ok_or(nothing)?;
        self.put_buffer(fields, filled.index, 0, Some(filled))
    }

    fn buffer_index(&self, fields: &Fields<'_>) -> Result<u32, i32> {
        fields.expect(4, CAPTURE)?;
        let index = fields.get(0);
        if (index as usize) < self.buffers {
            Ok(index)
        } else {
            Err(libc::EINVAL)
        }
    }

    fn put_buffer(&self, fields: &mut Fields<'_>, index: u32, flags: u32, filled: Option<Filled>) -> Answer {
        fields.clear_from(0);
        fields.set(0, index)?;
        fields.set(4, CAPTURE)?;
        fields.set(12, FLAG_MONOTONIC_CLOCK | FLAG_MAPPED | flags)?;
        fields.set(16, 1)?; // progressive
        if let Some(filled) = filled {
            fields.set(8, filled.bytes)?;
            fields.bytes(24, &filled.captured.as_secs().to_ne_bytes());
            fields.bytes(32, &u64::from(filled.captured.subsec_micros()).to_ne_bytes());
            fields.set(56, filled.sequence)?;
        }
        fields.set(60, MEMORY_MMAP)?;
        fields.set(64, index * BUFFER_BYTES as u32)?;
        fields.set(72, self.mode().bytes_max())
    }

    fn start(&mut self) -> Answer {
        if self.buffers == 0 {
            return Err(libc::EINVAL);
        }
        self.streaming = true;
        self.stalled = false;
        self.sequence = 0;
        Ok(())
    }

    fn get_parameters(&self, fields: &mut Fields<'_>) -> Answer {
        fields.expect(0, CAPTURE)?;
        fields.clear_from(4);
        fields.set(4, 0x1000)?; // the time per frame can be chosen
        fields.set(12, 1)?;
        fields.set(16, self.mode().frame_rate)?;
        fields.set(24, 4)
    }

    fn set_parameters(&mut self, fields: &mut Fields<'_>) -> Answer {
        fields.expect(0, CAPTURE)?;
        let (numerator, denominator) = (fields.get(12), fields.get(16));
        if let Some(wanted) = denominator.checked_div(numerator) {
            let now = self.mode().clone();
            let same =
                |mode: &Mode| (mode.width, mode.height, mode.format) == (now.width, now.height, now.format);
            let nearest = (0..self.modes.len())
                .filter(|index| same(&self.modes[*index]))
                .min_by_key(|index| self.modes[*index].frame_rate.abs_diff(wanted));
            self.mode = nearest.unwrap_or(self.mode);
        }
        self.get_parameters(fields)
    }

    fn enumerate_sizes(&self, fields: &mut Fields<'_>) -> Answer {
        let code = fields.code(4);
        let mut sizes: Vec<(u32, u32)> = Vec::new();
        for mode in self.modes.iter().filter(|mode| mode.format.code() == code) {
            if !sizes.contains(&(mode.width, mode.height)) {
                sizes.push((mode.width, mode.height));
            }
        }
        let (width, height) = *sizes.get(fields.get(0) as usize).ok_or(libc::EINVAL)?;
        fields.clear_from(8);
        fields.set(8, 1)?; // discrete
        fields.set(12, width)?;
        fields.set(16, height)
    }

    fn enumerate_rates(&self, fields: &mut Fields<'_>) -> Answer {
        let (code, width, height) = (fields.code(4), fields.get(8), fields.get(12));
        let rate = self
            .modes
            .iter()
            .filter(|mode| mode.format.code() == code && (mode.width, mode.height) == (width, height))
            .nth(fields.get(0) as usize)
            .ok_or(libc::EINVAL)?
            .frame_rate;
        fields.clear_from(16);
        fields.set(16, 1)?; // discrete
        fields.set(20, 1)?;
        fields.set(24, rate)
    }
}

fn put_format(fields: &mut Fields<'_>, mode: &Mode) -> Answer {
    fields.clear_from(8);
    fields.set(8, mode.width)?;
    fields.set(12, mode.height)?;
    fields.bytes(16, &mode.format.code());
    fields.set(20, 1)?; // progressive
    fields.set(
        24,
        match mode.format {
            Format::Yuyv => mode.width * 2,
            Format::Nv12 => mode.width,
            Format::Mjpeg => 0,
        },
    )?;
    fields.set(28, mode.bytes_max())?;
    fields.set(32, if mode.format == Format::Mjpeg { 7 } else { 1 }) // colour space
}

fn enumerate_inputs(fields: &mut Fields<'_>) -> Answer {
    fields.expect(0, 0)?;
    fields.clear_from(4);
    fields.text(4, "Camera 0", 32);
    fields.set(36, 2) // a camera
}

/// A structure of the kernel's interface, field by field. What does not fit is an invalid argument, as in the kernel.
struct Fields<'a>(&'a mut [u8]);

impl Fields<'_> {
    fn get(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.code(at))
    }

    fn code(&self, at: usize) -> [u8; 4] {
        self.0
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .unwrap_or_default()
    }

    fn expect(&self, at: usize, value: u32) -> Answer {
        if self.get(at) == value {
            Ok(())
        } else {
            Err(libc::EINVAL)
        }
    }

    fn set(&mut self, at: usize, value: u32) -> Answer {
        let place = self.0.get_mut(at..at + 4).ok_or(libc::EINVAL)?;
        place.copy_from_slice(&value.to_ne_bytes());
        Ok(())
    }

    fn bytes(&mut self, at: usize, value: &[u8]) {
        if let Some(place) = self.0.get_mut(at..at + value.len()) {
            place.copy_from_slice(value);
        }
    }

    fn text(&mut self, at: usize, text: &str, room: usize) {
        let length = text.len().min(room - 1);
        self.bytes(at, &text.as_bytes()[..length]);
    }

    fn clear_from(&mut self, at: usize) {
        if let Some(rest) = self.0.get_mut(at..) {
            rest.fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera() -> Device {
        let modes = ["640x360@30:YUYV", "1280x720@30:NV12", "1280x720@15:NV12"];
        Device::new(
            "Test",
            modes.iter().map(|mode| Mode::parse(mode).unwrap()).collect(),
        )
    }

    fn with(values: &[(usize, u32)]) -> Vec<u8> {
        let mut bytes = vec![0; 208];
        for (at, value) in values {
            Fields(&mut bytes).set(*at, *value).unwrap();
        }
        bytes
    }

    #[test]
    fn modes_are_read_from_text() {
        assert_eq!(Mode::parse("640x360@30:YUYV").unwrap().bytes_max(), 640 * 360 * 2);
        for bad in ["640x360", "640x360@0:YUYV", "640@30:YUYV", "640x360@30:RGB3"] {
            assert_eq!(Mode::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_nearest_mode_answers() {
        let mut device = camera();
        let mut bytes = with(&[
            (0, CAPTURE),
            (8, 1920),
            (12, 1080),
            (16, u32::from_ne_bytes(*b"NV12")),
        ]);
        device.ioctl(1, 5, &mut bytes).unwrap();
        assert_eq!(
            (Fields(&mut bytes).get(8), Fields(&mut bytes).get(12)),
            (1280, 720)
        );
        let mut bytes = with(&[(0, CAPTURE), (12, 1), (16, 10)]);
        device.ioctl(1, 22, &mut bytes).unwrap();
        assert_eq!(device.mode().frame_rate, 15);
    }

    #[test]
    fn pictures_come_in_the_order_buffers_were_given() {
        let mut device = camera();
        device
            .ioctl(1, 8, &mut with(&[(0, 4), (4, CAPTURE), (8, MEMORY_MMAP)]))
            .unwrap();
        for index in [2, 0] {
            device
                .ioctl(1, 15, &mut with(&[(0, index), (4, CAPTURE)]))
                .unwrap();
        }
        assert_eq!(device.take_buffer(), None, "not streaming yet");
        device.ioctl(1, 18, &mut with(&[(0, CAPTURE)])).unwrap();
        for expected in [2, 0] {
            let index = device.take_buffer().unwrap();
            device.fill(index, 100, Duration::from_secs(5));
            let mut bytes = with(&[(4, CAPTURE)]);
            device.ioctl(1, 17, &mut bytes).unwrap();
            assert_eq!(Fields(&mut bytes).get(0), expected);
        }
        assert_eq!(device.ioctl(1, 17, &mut with(&[(4, CAPTURE)])), Err(libc::EAGAIN));
    }

    #[test]
    fn a_stalled_camera_takes_no_buffer_until_it_is_started_anew() {
        let mut device = camera();
        let start = |device: &mut Device| {
            let request = &mut with(&[(0, 4), (4, CAPTURE), (8, MEMORY_MMAP)]);
            device.ioctl(1, 8, request).unwrap();
            device.ioctl(1, 15, &mut with(&[(4, CAPTURE)])).unwrap();
            device.ioctl(1, 18, &mut with(&[(0, CAPTURE)])).unwrap();
        };
        start(&mut device);
        device.stall();
        assert_eq!(device.take_buffer(), None);
        device.release(Some(1));
        start(&mut device);
        assert_eq!(device.take_buffer(), Some(0));
    }

    #[test]
    fn a_second_program_is_told_the_camera_is_busy() {
        let mut device = camera();
        let request = || with(&[(0, 4), (4, CAPTURE), (8, MEMORY_MMAP)]);
        device.ioctl(1, 8, &mut request()).unwrap();
        assert_eq!(device.ioctl(2, 8, &mut request()), Err(libc::EBUSY));
        device.release(Some(2));
        assert_eq!(device.ioctl(2, 8, &mut request()), Err(libc::EBUSY));
        device.release(Some(1));
        assert_eq!(device.ioctl(2, 8, &mut request()), Ok(()));
    }

    #[test]
    fn calls_that_are_too_short_or_unknown_are_refused() {
        let mut device = camera();
        assert_eq!(device.ioctl(1, 0, &mut [0; 4]), Err(libc::EINVAL));
        assert_eq!(device.ioctl(1, 99, &mut [0; 64]), Err(libc::ENOTTY));
    }
}
