//! The voice chain: what happens to the microphone's sound before it is encoded.
//!
//! | who | where | why there | what breaks if moved |
//! |---|---|---|---|
//! | echo canceller ([`super::echo`]) | first | it models the way from speaker to microphone, which must be linear and unchanging | behind a gain or a suppressor the way changes all the time, and the echo stays |
//! | noise suppression (`nnnoiseless`) | second | it expects a voice and a background | before the canceller it bends the echo; behind the gain it meets pumped-up noise |
//! | gain control (`sonora`, AGC2) | last | it must measure the voice alone | earlier it turns echo and noise up with the voice |
//!
//! Owned by the audio thread. The canceller hears what the speaker is about to play through [`VoiceChain::render`].

use super::config::VoiceSettings;
use super::echo::EchoCanceller;
use super::{BLOCK_SAMPLES, Block, SAMPLE_RATE, SILENT_BLOCK};
use nnnoiseless::DenoiseState;
use sonora::config::{AdaptiveDigital, GainController2};
use sonora::{AudioProcessing, Config, StreamConfig};

/// `nnnoiseless` counts samples like 16-bit numbers.
const SIXTEEN_BIT: f32 = 32_768.0;

/// The chain of one microphone.
pub(super) struct VoiceChain {
    settings: VoiceSettings,
    echo: Option<Box<EchoCanceller>>,
    noise: Option<Box<DenoiseState<'static>>>,
    gain: Option<Box<AudioProcessing>>,
    spare: Block,
}

impl VoiceChain {
    pub(super) fn new(settings: VoiceSettings) -> Self {
        let mut chain = Self {
            settings,
            echo: None,
            noise: None,
            gain: None,
            spare: SILENT_BLOCK,
        };
        chain.build();
        chain
    }

    /// Switches parts on and off; those that stay keep what they have learnt.
    pub(super) fn set(&mut self, settings: VoiceSettings) {
        self.settings = settings;
        self.build();
    }

    /// Another microphone or speaker: what was learnt about the old one is wrong now.
    pub(super) fn reset(&mut self) {
        (self.echo, self.noise, self.gain) = (None, None, None);
        self.build();
    }

    /// What the speaker is about to play.
    pub(super) fn render(&mut self, block: &Block) {
        if let Some(echo) = &mut self.echo {
            echo.render(block);
        }
    }

    /// Takes a block of the microphone through the chain. Gives the probability of speech, when the part that knows runs.
    pub(super) fn process(&mut self, block: &mut Block) -> Option<f32> {
        if let Some(echo) = &mut self.echo {
            echo.process(block);
        }
        let probability = self
            .noise
            .as_mut()
            .map(|noise| suppress(noise, block, &mut self.spare));
        if let Some(gain) = &mut self.gain {
            process(gain, block, &mut self.spare);
        }
        probability
    }

    fn build(&mut self) {
        let wanted = self.settings;
        keep(&mut self.echo, wanted.echo_cancellation, Box::default);
        keep(&mut self.noise, wanted.noise_suppression, DenoiseState::new);
        keep(&mut self.gain, wanted.gain_control, gain_control);
    }
}

fn keep<T>(part: &mut Option<T>, wanted: bool, make: impl FnOnce() -> T) {
    if !wanted {
        *part = None;
    } else if part.is_none() {
        *part = Some(make());
    }
}

fn gain_control() -> Box<AudioProcessing> {
    processing(Config {
        gain_controller2: Some(GainController2 {
            adaptive_digital: Some(AdaptiveDigital::default()),
            ..GainController2::default()
        }),
        ..Config::default()
    })
}

fn processing(config: Config) -> Box<AudioProcessing> {
    let mono = StreamConfig::new(SAMPLE_RATE, 1);
    Box::new(
        AudioProcessing::builder()
            .config(config)
            .capture_config(mono)
            .render_config(mono)
            .build(),
    )
}

fn process(part: &mut AudioProcessing, block: &mut Block, spare: &mut Block) {
    if part
        .process_capture_f32(&[&block[..]], &mut [&mut spare[..]])
        .is_ok()
    {
        *block = *spare;
    }
}

fn suppress(noise: &mut DenoiseState<'static>, block: &mut Block, spare: &mut Block) -> f32 {
    const { assert!(BLOCK_SAMPLES == DenoiseState::FRAME_SIZE) };
    for sample in block.iter_mut() {
        *sample *= SIXTEEN_BIT;
    }
    let probability = noise.process_frame(&mut spare[..], &block[..]);
    for (sample, clean) in block.iter_mut().zip(spare.iter()) {
        *sample = clean / SIXTEEN_BIT;
    }
    probability
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{level::rms, speech};

    fn only(echo: bool, noise: bool, gain: bool) -> VoiceChain {
        VoiceChain::new(VoiceSettings {
            echo_cancellation: echo,
            noise_suppression: noise,
            gain_control: gain,
            apply_to_files: true,
        })
    }

    fn far_end(block: u64) -> Block {
        let mut sound = SILENT_BLOCK;
        speech::fill(60 * 48_000_000 + block * 480, &mut sound);
        sound
    }

    #[test]
    fn with_everything_off_sound_passes_untouched() {
        let mut block = far_end(30);
        assert_eq!(only(false, false, false).process(&mut block), None);
        assert_eq!(block, far_end(30));
    }

    #[test]
    fn the_speaker_is_taken_out_of_the_microphone() {
        let mut chain = only(true, false, false);
        let (mut came, mut left) = (0.0, 0.0);
        for block in 0..1_500 {
            chain.render(&far_end(block));
            // The room: 40 ms later and half as loud.
            let mut heard = if block >= 4 {
                far_end(block - 4)
            } else {
                SILENT_BLOCK
            };
            heard.iter_mut().for_each(|sample| *sample *= 0.5);
            let before = rms(&heard);
            chain.process(&mut heard);
            if block > 800 {
                came += before * before;
                left += rms(&heard).powi(2);
            }
        }
        let erle_db = 10.0 * (came / left.max(1e-12)).log10();
        assert!(erle_db > 15.0, "{erle_db} dB");
    }

    #[test]
    fn steady_noise_goes_and_switching_is_live() {
        let mut chain = only(false, false, false);
        let mut seed = 7u32;
        let mut noise = || -> Block {
            std::array::from_fn(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((seed >> 8) as f32 / (1 << 24) as f32 - 0.5) * 0.05
            })
        };
        let mut after = |chain: &mut VoiceChain| {
            let mut last = 0.0;
            for _ in 0..300 {
                let mut block = noise();
                chain.process(&mut block);
                last = rms(&block);
            }
            last
        };
        let before = after(&mut chain);
        chain.set(VoiceSettings {
            echo_cancellation: false,
            noise_suppression: true,
            gain_control: false,
            apply_to_files: true,
        });
        let suppressed = after(&mut chain);
        assert!(suppressed < before / 5.0, "{before} before, {suppressed} after");
    }

    #[test]
    fn a_quiet_voice_becomes_louder() {
        let mut chain = only(false, false, true);
        let (mut came, mut left) = (0.0, 0.0);
        for block in 0..2_000 {
            let mut quiet = far_end(block);
            quiet.iter_mut().for_each(|sample| *sample *= 0.05);
            came += rms(&quiet);
            chain.process(&mut quiet);
            left += rms(&quiet);
        }
        assert!(left > 2.0 * came, "{came} came, {left} left");
    }
}
