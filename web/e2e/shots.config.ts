import base from './playwright.config'

// Pictures for docs/screens; see console/shots.ts.
export default { ...base, testMatch: 'console/shots.ts', fullyParallel: false }
