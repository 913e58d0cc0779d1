// Reading a QR code out of pixels, in a web page. The reader is fetched only when somebody scans.

const enough = 1280 // no need to look at twelve megapixels

/** The text of a code in a picture or a frame of a video; '' where there is none. */
export async function readPixels(source: CanvasImageSource, width: number, height: number): Promise<string> {
  const { default: jsQR } = await import('jsqr')
  const by = Math.min(1, enough / Math.max(width, height))
  const canvas = document.createElement('canvas')
  canvas.width = Math.round(width * by)
  canvas.height = Math.round(height * by)
  const g = canvas.getContext('2d', { willReadFrequently: true })
  if (!g) return ''
  g.drawImage(source, 0, 0, canvas.width, canvas.height)
  const found = jsQR(g.getImageData(0, 0, canvas.width, canvas.height).data, canvas.width, canvas.height)
  return found ? found.data.trim() : ''
}

/** Asks for a photo, from the camera or the album, and reads it: its text, '' where it shows no code, null where none was chosen. */
export function pickPhoto(): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const input = document.createElement('input')
    input.type = 'file'
    input.accept = 'image/*'
    input.oncancel = () => resolve(null)
    input.onchange = () => {
      const file = input.files && input.files[0]
      if (!file) {
        resolve(null)
        return
      }
      const url = URL.createObjectURL(file)
      const image = new Image()
      image.onload = () =>
        readPixels(image, image.naturalWidth, image.naturalHeight)
          .then(resolve, reject)
          .then(() => URL.revokeObjectURL(url))
      image.onerror = () => resolve('')
      image.src = url
    }
    input.click()
  })
}
