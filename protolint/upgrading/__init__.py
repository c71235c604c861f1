"""What Caffe's own upgrade makes of files of old generations, in text and in binary."""
