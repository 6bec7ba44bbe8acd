"""The adapter for R, through rpy2's low-level interface.

adapter     what the loop asks for: fit, predict, persist, load, read
embedded    starts R in this process and calls the glue
frames      tables -> R's vectors
answers     R's vectors -> columns
vectors     how R's vectors lie in memory
glue.R      fit, read, persist, restore
scripts.R   scripts, their environments and functions
predict.R   how models are asked, and what their answers mean
frames.R    vectors <-> data frames
faults.R    what goes wrong in model code
"""
