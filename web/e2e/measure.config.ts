import base from './playwright.config'

// Figures for docs/benchmarks.md; see console/measure.ts.
export default { ...base, testMatch: 'console/measure.ts', fullyParallel: false, workers: 1 }
