/** Ends the help of the program. */
export const EXAMPLES = `
Examples:
  man-reproduce compare
  man-reproduce compare dataset=shapes train.epochs=1
  man-reproduce train backbone=resnet32 partition.blocks=16 loss=infopro plugin=man dataset=cifar10 train.epochs=2 train.limit=5000 seed=1
  man-reproduce train experiment=cifar10-resnet32-k16
  man-reproduce train -m seed=1,2,3 loss=dgl,infopro launcher=processes
  man-reproduce table 1 --profile quick --rows 'cifar10 k16'
  man-reproduce figure 4 --profile paper --dry
  man-reproduce describe backbone=resnet110
  man-reproduce plan backbone=resnet110 train.batch=1024 --memory 16GB
  man-reproduce resume outputs/2026-11-23/14-05-00
  man-reproduce watch outputs
  man-reproduce report outputs --out report.html
  man-reproduce data verify dataset=svhn
  man-reproduce data show dataset=stl10 --out stl10.html

Exit codes: 0 done, 1 failed, 2 used wrongly, 130 stopped by Ctrl-C (what there is is written).`;
