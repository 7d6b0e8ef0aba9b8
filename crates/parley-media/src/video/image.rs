//! A picture as a PNG, for people: reports, screenshots, the README.

use super::VideoFrame;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix, yuv420_to_rgb};

/// A picture could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteImageError {
    /// The file.
    #[error("cannot write the picture: {0}")]
    Io(#[from] io::Error),
    /// The format.
    #[error("cannot encode the picture: {0}")]
    Png(#[from] png::EncodingError),
    /// The colours.
    #[error("cannot convert the picture: {0}")]
    Colours(String),
}

/// The picture's pixels as red, green and blue bytes, full range, without padding.
///
/// # Errors
/// Never for a picture that exists; the conversion library can refuse.
pub fn to_rgb(frame: &VideoFrame) -> Result<Vec<u8>, WriteImageError> {
    let resolution = frame.resolution();
    let planes = YuvPlanarImage {
        y_plane: frame.y(),
        y_stride: resolution.width,
        u_plane: frame.u(),
        u_stride: resolution.width / 2,
        v_plane: frame.v(),
        v_stride: resolution.width / 2,
        width: resolution.width,
        height: resolution.height,
    };
    let mut rgb = vec![0; resolution.pixels() as usize * 3];
    yuv420_to_rgb(
        &planes,
        &mut rgb,
        resolution.width * 3,
        YuvRange::Limited,
        YuvStandardMatrix::Bt601,
    )
    .map_err(|error| WriteImageError::Colours(error.to_string()))?;
    Ok(rgb)
}

/// Writes the picture to a file.
///
/// # Errors
/// When the file cannot be written.
pub fn write_png(frame: &VideoFrame, path: &Path) -> Result<(), WriteImageError> {
    let rgb = to_rgb(frame)?;
    let resolution = frame.resolution();
    let mut encoder = png::Encoder::new(
        BufWriter::new(File::create(path)?),
        resolution.width,
        resolution.height,
    );
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::CaptureTime;
    use crate::video::pool::FramePool;
    use parley_proto::Resolution;
    use std::time::Instant;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "test: any moment will do")]
    fn colours_arrive_in_the_file() {
        let size = Resolution::new(16, 8);
        let frame = FramePool::new()
            .make(size, CaptureTime(Instant::now()), |planes| {
                // BT.601 red, limited range.
                planes.y.fill(81);
                planes.u.fill(90);
                planes.v.fill(240);
            })
            .unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("red.png");
        write_png(&frame, &path).unwrap();
        let decoder = png::Decoder::new(io::BufReader::new(File::open(path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels.len(), 16 * 8 * 3);
        for pixel in pixels.chunks(3) {
            assert!(pixel[0] > 250 && pixel[1] < 5 && pixel[2] < 5, "{pixel:?}");
        }
    }
}
