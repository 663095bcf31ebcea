//! The order of the stages (TS 26.073 `dec_amr.c`, `sp_dec.c`).

use super::arith::{clamp, energy, l_mult, mult, round, shl};
use super::background::{Detector, Loudness};
use super::dispersion::{Dispersion, dispersed};
use super::gain::{Gains, Prediction, Recent, lost_code, lost_pitch};
use super::innovation::Pulses;
use super::lpc::Filter;
use super::lsf::{Lines, Spectrum};
use super::noise::{Noise, State};
use super::pitch::{Excitation, Lag};
use super::postfilter::{HighPass, PostFilter};
use super::smooth::{MeanSpectrum, Smoothing};
use super::{
    Coded, FRAME, Mode, Quality, Received, SUBFRAME, bits, gain, innovation, lpc, lsf, noise, pitch,
    synthesis, tables,
};

/// The limit of the pitch gain in the sharpening of pulses, 0.79 in Q14.
const SHARPEST: i16 = 13_017;

/// The decoder of one channel.
#[derive(Clone, Debug)]
pub struct Decoder {
    mean: MeanSpectrum,
    /// Of the code gain.
    prediction: Prediction,
    /// Of the excitation.
    loudness: Loudness,
    noise: Noise,
    /// LSP of the last frame.
    pairs: Lines,
    /// The last samples of the synthesis.
    memory: Lines,
    speech: Speech,
    post_filter: PostFilter,
    high_pass: HighPass,
    /// Mode of the last speech frame.
    mode: Mode,
}

/// What begins anew with every frame of comfort noise.
#[derive(Clone, Debug)]
struct Speech {
    spectrum: Spectrum,
    excitation: Excitation,
    /// Sharpening of the next subframe's pulses, Q14.
    sharpening: i16,
    last_lag: i16,
    /// Lost frames in a row, by the state machine of TS 26.091.
    lost: usize,
    was_bad: bool,
    smoothing: Smoothing,
    pitch_gains: Recent,
    code_gains: Recent,
    detector: Detector,
    dispersion: Dispersion,
    /// Of the parameters of frames that did not come.
    seed: i16,
}

/// What a subframe is made of.
struct Subframe<'a> {
    number: usize,
    gains: Gains,
    /// Pitch gain for the emphasis, Q14.
    sharpening: i16,
    code: &'a Pulses,
    /// LSF of the last frame.
    last_lines: &'a Lines,
    quality: &'a Quality,
    filter: &'a Filter,
}

impl Speech {
    fn new(smoothing: Smoothing) -> Self {
        Speech {
            spectrum: Spectrum::new(),
            excitation: Excitation::new(),
            sharpening: 0,
            last_lag: 40,
            lost: 0,
            was_bad: false,
            smoothing,
            pitch_gains: Recent::pitch(),
            code_gains: Recent::code(),
            detector: Detector::new(),
            dispersion: Dispersion::new(),
            seed: 21_845,
        }
    }
}

impl Decoder {
    /// The initial state.
    pub fn new() -> Self {
        Decoder {
            mean: MeanSpectrum::new(),
            prediction: Prediction::new(),
            loudness: Loudness::new(),
            noise: Noise::new(),
            pairs: tables::functions::INITIAL_LSP,
            memory: [0; lsf::ORDER],
            speech: Speech::new(Smoothing::new()),
            post_filter: PostFilter::new(),
            high_pass: HighPass::new(),
            mode: Mode::M475,
        }
    }

    /// Mode of the last speech, which a frame without data is taken for.
    #[cfg(test)]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The samples of a frame; `good` is its quality bit.
    pub fn frame(&mut self, coded: Coded, good: bool) -> [i16; FRAME] {
        let (mut received, mut description) = (Received::Nothing, [0; 5]);
        match coded {
            Coded::Speech(mode, _) => {
                self.mode = mode;
                received = if good { Received::Speech } else { Received::SpeechBad };
            }
            Coded::Noise(payload) => {
                let noise = bits::noise(payload);
                description = noise.parameters;
                self.mode = noise.mode;
                received = match (good, noise.update) {
                    (false, _) => Received::NoiseBad,
                    (true, true) => Received::NoiseUpdate,
                    (true, false) => Received::NoiseFirst,
                };
            }
            Coded::Nothing => {}
        }
        let state = self.noise.receive(received);
        let (mut speech, filters) = if state == State::Speech {
            let parameters = match coded {
                Coded::Speech(mode, payload) => bits::speech(mode, payload),
                _ => noise::made_up(self.mode, &mut self.speech.seed),
            };
            self.speech(&parameters, received != Received::Speech)
        } else {
            self.comfort_noise(state, &description)
        };
        self.noise.state = state;
        self.post_filter.frame(self.mode, &filters, &mut speech);
        self.high_pass.frame(&mut speech);
        speech
    }

    fn comfort_noise(&mut self, state: State, description: &[u16; 5]) -> ([i16; FRAME], [Filter; 4]) {
        self.speech = Speech::new(Smoothing::after_noise());
        let made = self.noise.frame(state, self.mode, description, &mut self.memory);
        if let Some(level) = made.level {
            self.prediction.set_to_noise(level);
        }
        self.speech.spectrum.last = made.lines;
        self.pairs = lsf::pairs(&made.lines);
        self.mean.update(&made.lines);
        (made.speech, [made.filter; 4])
    }

    /// A frame of speech before the post-filter.
    fn speech(&mut self, parameters: &[u16; bits::MOST], bad: bool) -> ([i16; FRAME], [Filter; 4]) {
        let mode = self.mode;
        self.speech.lost = match (bad, self.speech.lost) {
            (true, lost) => (lost + 1).min(6),
            (false, 6) => 5,
            (false, _) => 0,
        };
        // After noise, as after many lost frames.
        match self.noise.state {
            State::Speech => {}
            State::Noise => (self.speech.lost, self.speech.was_bad) = (5, false),
            State::Mute => (self.speech.lost, self.speech.was_bad) = (5, true),
        }
        let quality = Quality {
            bad,
            was_bad: self.speech.was_bad,
            noise: self.speech.detector.noise,
            hangover: self.speech.detector.hangover,
        };
        let last_lines = self.speech.spectrum.last;
        let filters;
        let mut rest: &[u16];
        if mode == Mode::M122 {
            let (middle, now) = self.speech.spectrum.five_parts(&parameters[..5], bad);
            filters = lpc::by_middle(&self.pairs, &middle, &now);
            (self.pairs, rest) = (now, &parameters[5..]);
        } else {
            let now = self.speech.spectrum.three_parts(mode, &parameters[..3], bad);
            filters = lpc::straight(&self.pairs, &now);
            (self.pairs, rest) = (now, &parameters[3..]);
        }

        let mut speech = [0; FRAME];
        // At 4.75 kbit/s one index holds the gains of two subframes.
        let mut gain_index = 0;
        for (number, speech) in speech.as_chunks_mut().0.iter_mut().enumerate() {
            let mut parameter = || {
                let (&first, after) = rest.split_first().unwrap_or((&0, &[]));
                rest = after;
                first
            };
            let lag = self.lag(parameter(), number, &quality);
            self.speech.excitation.predict(lag);
            let scalar_pitch = if mode == Mode::M122 { parameter() } else { 0 };
            let pulses: [u16; 10] = {
                let mut pulses = [0; 10];
                pulses[..innovation::parameters(mode)].fill_with(&mut parameter);
                pulses
            };
            let mut code = innovation::pulses(mode, &pulses, number);
            let (gains, sharpening) = if mode == Mode::M122 {
                let pitch = self.scalar_pitch(scalar_pitch, &quality);
                pitch::sharpen(&mut code, lag.whole, shl(pitch, 1));
                let code = self.scalar_code(parameter(), &code, &quality);
                (Gains { pitch, code }, pitch)
            } else {
                pitch::sharpen(&mut code, lag.whole, shl(self.speech.sharpening, 1));
                let gains = if mode == Mode::M795 {
                    let pitch = self.scalar_pitch(parameter(), &quality);
                    Gains { pitch, code: self.scalar_code(parameter(), &code, &quality) }
                } else {
                    if mode != Mode::M475 || number & 1 == 0 {
                        gain_index = parameter();
                    }
                    self.joint_gains(gain_index, number, &code, &quality)
                };
                (gains, gains.pitch.min(SHARPEST))
            };
            let subframe = Subframe {
                number,
                gains,
                sharpening,
                code: &code,
                last_lines: &last_lines,
                quality: &quality,
                filter: &filters[number],
            };
            self.subframe(&subframe, speech);
            self.speech.last_lag = lag.whole;
        }
        let energy = energy(&speech);
        self.speech.detector.frame(energy);
        self.noise.remember(&self.speech.spectrum.last, energy);
        self.speech.was_bad = bad;
        self.mean.update(&self.speech.spectrum.last);
        (speech, filters)
    }

    /// The lag of a subframe; a lost one gets a lag from before.
    fn lag(&mut self, index: u16, subframe: usize, quality: &Quality) -> Lag {
        let (mode, last) = (self.mode, self.speech.last_lag);
        let relative = pitch::is_relative(mode, subframe);
        let lag = pitch::lag(mode, index, relative, last);
        if mode == Mode::M122 {
            // Of the 64 relative indices three say nothing.
            return if quality.bad || relative && index >= 61 { Lag::of(last) } else { lag };
        }
        if !quality.bad {
            return lag;
        }
        self.speech.last_lag = (last + 1).min(last.max(pitch::LONGEST));
        let noise = quality.noise && quality.hangover > 4 && mode <= Mode::M59;
        Lag::of(if noise { lag.whole } else { self.speech.last_lag })
    }

    fn joint_gains(&mut self, index: u16, subframe: usize, code: &Pulses, quality: &Quality) -> Gains {
        let Speech { lost, pitch_gains, code_gains, .. } = &mut self.speech;
        let gains = if quality.bad {
            let code = lost_code(code_gains, &mut self.prediction, *lost);
            Gains { pitch: lost_pitch(pitch_gains, *lost), code }
        } else {
            self.prediction.joint(self.mode, index, subframe, code)
        };
        Gains { pitch: pitch_gains.taken(gains.pitch, quality), code: code_gains.taken(gains.code, quality) }
    }

    fn scalar_pitch(&mut self, index: u16, quality: &Quality) -> i16 {
        let recent = &mut self.speech.pitch_gains;
        let gain =
            if quality.bad { lost_pitch(recent, self.speech.lost) } else { gain::pitch(self.mode, index) };
        recent.taken(gain, quality)
    }

    fn scalar_code(&mut self, index: u16, code: &Pulses, quality: &Quality) -> i16 {
        let recent = &mut self.speech.code_gains;
        let gain = if quality.bad {
            lost_code(recent, &mut self.prediction, self.speech.lost)
        } else {
            self.prediction.scalar(self.mode, index, code)
        };
        recent.taken(gain, quality)
    }

    /// From the adaptive and the fixed codebook to speech. Two excitations are made: one becomes the past of
    /// the adaptive codebook, the other, with smoothed gains and spread pulses, is heard.
    fn subframe(&mut self, subframe: &Subframe, speech: &mut [i16; SUBFRAME]) {
        let &Subframe { number, gains, mut sharpening, code, last_lines, quality, filter } = subframe;
        let mode = self.mode;
        let state = &mut self.speech;
        if mode == Mode::M102 && state.last_lag > 45 {
            sharpening >>= 2;
        }
        if mode != Mode::M475 || number & 1 == 1 {
            state.sharpening = gains.pitch.min(SHARPEST);
        }
        let sharpening = shl(sharpening, 1);
        let adaptive = *state.excitation.now();
        // A strong pitch is made stronger in what is heard.
        let emphasis = (sharpening > 16_384).then(|| {
            let halved = u32::from(mode == Mode::M122);
            adaptive.map(|x| round(l_mult(mult(x, sharpening), gains.pitch) >> halved))
        });
        if !quality.bad {
            state.detector.pitch_gain(gains.pitch);
        }
        let mut pitch_gain = gains.pitch;
        let low_rate = mode <= Mode::M59;
        if (quality.bad || quality.was_bad) && quality.noise && low_rate && pitch_gain > 12_288 {
            pitch_gain = (((pitch_gain - 12_288) >> 1) + 12_288).min(14_745);
        }
        let lines = lsf::between(last_lines, &state.spectrum.last, number);
        let code_gain = state.smoothing.smoothed(mode, gains.code, &lines, &self.mean.0, quality);

        let (pitch_factor, shift) = if mode == Mode::M122 { (pitch_gain >> 1, 2) } else { (pitch_gain, 1) };
        *state.excitation.now() = mixed(&adaptive, pitch_factor, code, gains.code, shift);
        let locked = low_rate && quality.hangover > 3 && quality.noise && quality.bad;
        let degree = state.dispersion.degree(pitch_gain, code_gain, locked);
        let disperses = mode <= Mode::M67 || mode == Mode::M795;
        let mut heard = if disperses && degree < 2 {
            mixed(&adaptive, pitch_factor, &dispersed(mode, degree, code), code_gain, shift)
        } else {
            mixed(&adaptive, pitch_factor, code, code_gain, shift)
        };
        let loudness = synthesis::loudness(&heard);
        let losses_in_noise = quality.noise && (quality.bad || quality.was_bad) && state.lost < 4;
        if low_rate && losses_in_noise && quality.hangover > 5 {
            self.loudness.control(&mut heard, loudness, quality);
        }
        if !losses_in_noise {
            self.loudness.push(loudness);
        }
        let input = match emphasis {
            Some(mut emphasis) => {
                emphasis.iter_mut().zip(&heard).for_each(|(x, &heard)| *x = x.saturating_add(heard));
                synthesis::match_energy(&heard, &mut emphasis);
                emphasis
            }
            None => heard,
        };
        if !synthesis::synthesize(filter, &input, &self.memory, speech) {
            // On overflow all of the excitation becomes softer, and it is tried again.
            state.excitation.soften();
            synthesis::synthesize(filter, &heard.map(|x| x >> 2), &self.memory, speech);
        }
        self.memory.copy_from_slice(&speech[SUBFRAME - lsf::ORDER..]);
        state.excitation.advance();
    }
}

/// The sum of both codebooks with their gains, in which `shift` brings the pitch factor's scale to that of
/// the code.
fn mixed(adaptive: &[i16; SUBFRAME], pitch_factor: i16, code: &Pulses, code_gain: i16, shift: u32) -> Pulses {
    // A sum of two products of 16-bit numbers, one less than 2^29.3, fits 32 bits; what saturates in the
    // standard's steps is beyond 16 bits at the end.
    std::array::from_fn(|k| {
        let sum = (i32::from(adaptive[k]) * i32::from(pitch_factor))
            .wrapping_add(i32::from(code[k]) * i32::from(code_gain));
        clamp(sum.wrapping_add(0x4000 >> shift) >> (15 - shift))
    })
}
