export const genders = { unknown: '未填', male: '男', female: '女' } as const
export const villagerStates = { here: '在', moved: '已迁出', died: '已去世' } as const
export const relations = ['户主', '配偶', '子', '女', '父亲', '母亲', '儿媳', '女婿', '孙子', '孙女', '兄弟', '姐妹', '其他']
