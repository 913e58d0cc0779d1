// Reading aloud, where the platform can. Screens never depend on it.

/** Whether this phone can read aloud. */
export function canSpeak(): boolean {
  // #ifdef H5
  return typeof speechSynthesis !== 'undefined'
  // #endif
  // #ifndef H5
  return false
  // #endif
}

/** Reads a sentence aloud, or gives a short buzz where there is no voice. */
export function speak(text: string): void {
  // #ifdef H5
  if (typeof speechSynthesis !== 'undefined') {
    const words = new SpeechSynthesisUtterance(text)
    words.lang = 'zh-CN'
    words.rate = 0.9
    speechSynthesis.cancel()
    speechSynthesis.speak(words)
  }
  // #endif
  // #ifndef H5
  uni.vibrateShort({ fail: () => undefined })
  // #endif
}
