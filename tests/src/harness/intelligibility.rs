//! How much of what was said can be understood of what was heard, from `parley-media`, tried here against the published program.
//!
//! Takes two recordings that are lined up already ([`super::sound::lined_up`] does it).

pub use parley_media::audio::probe::stoi;

#[cfg(test)]
mod tests {
    use super::super::sound::tests::{noise, voice};
    use super::*;

    fn mixed(voice: &[f32], noise: &[f32], signal_to_noise_db: f32) -> Vec<f32> {
        let power = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>();
        let gain = (power(voice) / power(noise) / 10f32.powf(signal_to_noise_db / 10.0)).sqrt();
        voice.iter().zip(noise).map(|(v, n)| v + n * gain).collect()
    }

    /// The figures are pystoi 0.4.1's for the same sound.
    #[test]
    fn it_gives_what_the_published_program_gives() {
        let (voice, noise) = (voice(4, 3), noise(4, 17));
        for (signal_to_noise_db, expect) in [(20.0, 0.9911), (5.0, 0.8339), (-5.0, 0.4708)] {
            let found = stoi(&voice, &mixed(&voice, &noise, signal_to_noise_db));
            assert!(
                (found - expect).abs() < 0.005,
                "{signal_to_noise_db} dB: {found}, not {expect}"
            );
        }
    }

    #[test]
    fn the_same_is_understood_whole_and_something_else_not_at_all() {
        let said = voice(3, 3);
        let softer: Vec<f32> = said.iter().map(|sample| sample * -0.3).collect();
        assert!(stoi(&said, &softer) > 0.999);
        assert!(stoi(&said, &noise(3, 5)) < 0.3);
        assert_eq!(stoi(&said, &vec![0.0; said.len()]), 0.0);
        assert_eq!(stoi(&[], &[]), 0.0);
    }
}
