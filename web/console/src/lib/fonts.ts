// The page's fonts, for what measures text by itself.
export const fonts = "'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Source Han Sans SC', sans-serif"
