export const classes = { cadre: '村干部', backbone: '骨干党员', ordinary: '普通党员', away: '流动党员', special: '特殊党员' } as const
export const reasons = { illness: '长期患病', old_age: '年老体弱', other: '其他' } as const
export const grades = { excellent: '优秀', qualified: '合格', basic: '基本合格', failed: '不合格' } as const
