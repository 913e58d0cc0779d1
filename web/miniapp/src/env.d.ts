/// <reference types="vite/client" />

declare module '*.vue' {
  import type { DefineComponent } from 'vue'
  const component: DefineComponent<object, object, unknown>
  export default component
}

interface ImportMetaEnv {
  /** https://… of the server that the mini-program talks to. The web page is served by that server and needs none. */
  readonly VITE_SERVER?: string
}
