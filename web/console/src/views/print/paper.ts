import { onScopeDispose, watchEffect } from 'vue'

// usePaper sets the size and margin of what is printed while the page is shown. It is a style sheet of its own: @page takes no
// variable and knows no component, so one written in a component's style would rule the other pages' paper too, once loaded.
export function usePaper(size: () => string, margin: string) {
  const style = document.createElement('style')
  document.head.append(style)
  watchEffect(() => (style.textContent = `@page { size: ${size()}; margin: ${margin}; }`))
  onScopeDispose(() => style.remove())
}
